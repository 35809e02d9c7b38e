#include "data_prep/shard_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/standard_output.h"
#include "core/text.h"

namespace bbg::data_prep {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownBad = 20;  // in text; --json has all

Json json_of(const ShardReport& report) {
  Json json = {{"sets", Json::array()}, {"left_out", report.left_out}, {"bad", Json::array()}};
  for (size_t i = 0; i < report.folders.size(); ++i) {
    const data::Manifest& manifest = report.manifests[i];
    Json files = Json::array();
    for (const data::Manifest::Shard& shard : manifest.shards) files.push_back(shard.file);
    json["sets"].push_back({{"folder", report.folders[i]},
                            {"encoding", core::word_of(data::kEncodings, manifest.encoding)},
                            {"samples", manifest.samples},
                            {"height", manifest.height},
                            {"width", manifest.width},
                            {"channels", manifest.channels},
                            {"classes", manifest.classes.size()},
                            {"fingerprint", manifest.fingerprint},
                            {"files", files}});
  }
  for (const BadImage& image : report.bad) {
    json["bad"].push_back({{"name", image.name}, {"reason", image.reason}});
  }
  return json;
}

void print_set(const std::string& folder, const data::Manifest& manifest) {
  const std::string shape = manifest.encoding == data::Encoding::kRaw
                                ? " of " + std::to_string(manifest.height) + "x" +
                                      std::to_string(manifest.width) + "x" +
                                      std::to_string(manifest.channels)
                                : " as files";
  std::printf("%s: %lld images%s, %zu classes, %zu shard(s), fingerprint %s\n", folder.c_str(),
              static_cast<long long>(manifest.samples), shape.c_str(), manifest.classes.size(),
              manifest.shards.size(), manifest.fingerprint.c_str());
}

}  // namespace

void print_left_out(const LeftOut& left_out, const std::vector<BadImage>& bad, int64_t images) {
  if (!left_out.empty()) std::fprintf(stderr, "left out: %s\n", left_out_text(left_out).c_str());
  if (bad.empty()) return;
  std::fprintf(stderr, "%s of %s images cannot be decoded:\n",
               core::with_separators(std::ssize(bad)).c_str(),
               core::with_separators(images).c_str());
  for (size_t i = 0; i < std::min(bad.size(), kShownBad); ++i) {
    std::fprintf(stderr, "  %s\n", bad[i].reason.c_str());
  }
  if (bad.size() > kShownBad) {
    std::fprintf(stderr, "  ... and %zu more; --json lists them\n", bad.size() - kShownBad);
  }
}

void print_report(const ShardReport& report, bool as_json) {
  if (as_json) {
    core::print(json_of(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return;
  }
  const int64_t images = report.manifests.front().samples + std::ssize(report.bad);
  print_left_out(report.left_out, report.bad, images);
  if (report.shards_kept > 0) {
    std::fprintf(stderr, "kept: %lld shard(s) that an interrupted conversion had finished\n",
                 static_cast<long long>(report.shards_kept));
  }
  for (size_t i = 0; i < report.folders.size(); ++i) {
    print_set(report.folders[i], report.manifests[i]);
  }
}

}  // namespace bbg::data_prep
