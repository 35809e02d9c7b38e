#include "run/saved_statistics.h"

#include "core/error.h"
#include "measure/images.h"
#include "measure/standing.h"

namespace bbg::run {

RunData open_data_of(const RunConfig& config, const SavedNetworks& saved) {
  RunData data;
  if (config.data.shards.empty()) {
    data.problem = "data.shards is empty";
    return data;
  }
  try {
    data.train.emplace(data::ShardSet::open(config.data.shards, config.data.verify));
    if (!config.data.test_shards.empty()) {
      data.test.emplace(data::ShardSet::open(config.data.test_shards, config.data.verify));
    }
    const auto trained_on = saved.text.find("data.fingerprint");
    if (trained_on != saved.text.end() && trained_on->second != data.train->fingerprint()) {
      data.problem = config.data.shards + " is not the data that the run was trained on";
    }
  } catch (const core::UsageError& error) {
    data.problem = error.what();
  } catch (const core::SystemError& error) {
    data.problem = error.what();
  }
  if (!data.problem.empty()) data.train.reset();
  return data;
}

std::string make_statistics(const measure::Context& context, model::Generator* generator,
                            model::Encoder* encoder, const RunData& data, const core::Log& log) {
  if (!data.train) {
    log.warn("batch norm keeps the running statistics of training: " + data.problem);
    return "running, those of training: " + data.problem;
  }
  const measure::Images images(context, *data.train, data.test ? &*data.test : nullptr);
  if (generator != nullptr) measure::make_standing(context, *generator);
  if (encoder != nullptr) measure::make_standing(context, images, *encoder);
  context.progress.end();
  return "standing, over " + std::to_string(context.setup.evaluate.standing_passes) +
         " batches (D: running)";
}

}  // namespace bbg::run
