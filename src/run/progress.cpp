#include "run/progress.h"

#include <cstdlib>

namespace bbg::run {

namespace {

std::string text_of(const std::map<std::string, std::string>& entries, const std::string& name) {
  const auto found = entries.find(name);
  return found == entries.end() ? "" : found->second;
}

int64_t number_of(const std::map<std::string, std::string>& entries, const std::string& name) {
  return std::strtoll(text_of(entries, name).c_str(), nullptr, 10);
}

}  // namespace

std::map<std::string, std::string> Progress::entries() const {
  std::map<std::string, std::string> entries = {{"step", std::to_string(step)}, {"watch", watch}};
  if (image_offset != 0) entries["image_offset"] = std::to_string(image_offset);
  if (bucket_bytes != 0) entries["bucket_bytes"] = std::to_string(bucket_bytes);
  return entries;
}

Progress Progress::of_entries(const std::map<std::string, std::string>& entries,
                              const RunConfig& config) {
  Progress progress{.step = number_of(entries, "step"),
                    .image_offset = number_of(entries, "image_offset"),
                    .bucket_bytes = number_of(entries, "bucket_bytes"),
                    .watch = text_of(entries, "watch")};
  const int64_t batch = number_of(entries, "data.batch");
  progress.image_offset +=
      progress.step * config.train.draws_per_step(config.model) * (batch - config.data.batch);
  return progress;
}

}  // namespace bbg::run
