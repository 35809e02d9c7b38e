#include "measure/evaluation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "measure/inputs.h"
#include "measure/protocol.h"
#include "measure/standing.h"

namespace bbg::measure {

namespace {

double field_of(const core::Values& values, const std::string& field) {
  const auto found = std::find_if(values.begin(), values.end(),
                                  [&](const auto& value) { return value.first == field; });
  BBG_CHECK(found != values.end(), "a measure gives the values of its curves");
  return found->second;
}

}  // namespace

Evaluation::Evaluation(const Context& context, const data::ShardSet& train,
                       const data::ShardSet* test, const Measures& measures)
    : context_(context),
      images_(context, train, test),
      means_(context.setup, images_),
      measures_(measures) {}

std::string Evaluation::left_out() const {
  std::string names, reason;
  for (const Need need : needs_of(measures_)) {
    if (!means_.is_wanted(need) || means_.has(need)) continue;
    if (reason.empty()) reason = means_.missing(need);
    std::string of_need;
    for (const Measure& measure : measures_) {
      if (measure.need == need) of_need += (of_need.empty() ? "" : " and ") + measure.name;
    }
    names += (names.empty() ? "" : ", and ") + of_need;
  }
  return names.empty() ? "" : names + " are left out of the evaluation: " + reason;
}

void Evaluation::check_memory(const model::Nets& nets, const Room& room) const {
  const eval::EvaluateOptions& options = context_.setup.evaluate;
  const Split &train = images_.train(), &test = images_.test();
  const FeatureSizes sizes{
      .width = feature_width(context_.setup, nets),
      .longest_width = longest_feature_width(context_.setup, nets),
      .num_classes = std::max(train.shards->num_classes(), test.shards->num_classes()),
      .train = train.at_most(std::max(options.probe_train, options.neighbours_train)).count,
      .test = test.at_most(std::max(options.probe_test, options.neighbours_test)).count,
      .probe_train = train.at_most(options.probe_train).count,
      .views = options.linear_views,
      .ranks = context_.communicator.size()};
  for (const Measure& measure : measures_) {
    if (!has(measure.need) || measure.memory == nullptr) continue;
    measure::check_memory("the measure " + measure.key, measure.memory(sizes), room);
  }
}

std::vector<std::string> Evaluation::progress_names() const {
  const eval::Schedule schedule = context_.setup.evaluate.due();
  std::vector<std::string> names;
  for (const Need need : needs_of(measures_)) {
    for (const Measure& measure : measures_) {
      if (measure.need != need || !has(need) || schedule.every(measure.key) == 0) continue;
      for (const Curve& curve : measure.curves) names.push_back(curve.name);
    }
  }
  return names;
}

void Evaluation::prepare(const Subject& subject) const {
  make_standing(context_, subject.generator);
  if (subject.encoder != nullptr) make_standing(context_, images_, *subject.encoder);
  context_.progress.end();
}

Grids Evaluation::grids(const Subject& subject) const {
  Grids grids;
  leave_as_found(subject, [&] {
    prepare(subject);
    if (context_.communicator.rank() != 0) return;
    grids.samples = sample_grid(context_, subject);
    if (has(Need::kReconstructions)) {
      grids.reconstructions = reconstruction_grid(context_, images_, subject);
    }
  });
  return grids;
}

void Evaluation::take(Need need, const Measures& measures, const Subject& subject, bool is_last,
                      const std::function<void(const Measure&, const core::Values&)>& tell) const {
  Inputs inputs(context_, images_, subject, need, is_last);
  for (const Source source : sources_of(need, context_.setup.evaluate, is_last)) {
    inputs.begin(source);
    for (const Measure& measure : measures) {
      if (measure.need != need) continue;
      tell(measure, measure.values(inputs));
    }
  }
}

core::Values Evaluation::progress(const Subject& subject, int64_t step) const {
  const eval::Schedule schedule = context_.setup.evaluate.due();
  Measures due;
  for (const Measure& measure : measures_) {
    if (!measure.curves.empty() && schedule.is_due(measure.key, step) && has(measure.need)) {
      due.push_back(measure);
    }
  }
  core::Values all;
  if (due.empty()) return all;
  leave_as_found(subject, [&] {
    prepare(subject);
    for (const Need need : needs_of(due)) {
      take(need, due, subject, /*is_last=*/false,
           [&](const Measure& measure, const core::Values& values) {
             for (const Curve& curve : measure.curves) {
               all.emplace_back(curve.name, field_of(values, curve.field));
             }
           });
    }
  });
  context_.progress.end();
  return all;
}

void Evaluation::sweep(const Subject& subject, nlohmann::ordered_json& result) const {
  leave_as_found(subject, [&] {
    make_standing(context_, subject.generator);
    // E's do not depend on the truncation, and are read where E is the network alone.
    if (has(Need::kEncoded)) make_standing(context_, images_, *subject.encoder);
    for (const Need need : needs_of(measures_)) {
      if (!has(need) || !is_extracted(need)) continue;
      Inputs inputs(context_, images_, subject, need, /*is_last=*/false);
      inputs.begin(Source::kSamples);
      for (const Measure& measure : measures_) {
        if (measure.need != need || !measure.is_swept) continue;
        for (const auto& [field, value] : measure.values(inputs)) {
          result[measure.key][field] = value;
        }
      }
    }
  });
  context_.progress.end();
}

void Evaluation::measure(const Subject& subject, nlohmann::ordered_json& result) const {
  const auto is_measure = [&](const std::string& entry) {
    return std::any_of(measures_.begin(), measures_.end(),
                       [&](const Measure& measure) { return measure.key == entry; });
  };
  const auto add_protocol = [&](const Protocol& protocol) {
    for (const auto& [entry, text] : protocol) {
      // Some give no value: a score of logits where the network has none.
      if (is_measure(entry) && !result.contains(entry)) continue;
      result["protocol"][entry] = text;
    }
  };
  leave_as_found(subject, [&] {
    prepare(subject);
    add_protocol(protocol_of_networks(context_.setup));
    for (const Need need : needs_of(measures_)) {
      if (!has(need)) continue;
      take(need, measures_, subject, /*is_last=*/true,
           [&](const Measure& measure, const core::Values& values) {
             for (const auto& [field, value] : values) result[measure.key][field] = value;
           });
      add_protocol(protocol_of(need, measures_, context_.setup, images_));
      add_protocol(protocol_of_extractors(need, context_));
    }
  });
  context_.progress.end();
}

}  // namespace bbg::measure
