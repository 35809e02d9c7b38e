#include "data/manifest.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "core/hash.h"
#include "data/shard_format.h"

namespace bbg::data {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "bbg_dist data set";
constexpr const char* kRepairHint =
    "copy the file again, or make the data set anew with data_prep shard --force";

// Text of a file system may hold any bytes, JSON holds UTF-8.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string checksum_of(const Json& json) {
  const std::string text = dump(json, -1);
  return core::hex(core::hash64(std::as_bytes(std::span(text))));
}

Json json_of(const Manifest& manifest) {
  Json json = {{"format", kFormat},
               {"format_version", kFormatVersion},
               {"encoding", core::word_of(kEncodings, manifest.encoding)},
               {"height", manifest.height},
               {"width", manifest.width},
               {"channels", manifest.channels},
               {"samples", manifest.samples},
               {"fingerprint", manifest.fingerprint},
               {"source", manifest.source},
               {"made", manifest.made},
               {"left_out", manifest.left_out},
               {"tool", manifest.tool},
               {"unlabelled", manifest.unlabelled},
               {"classes", Json::array()},
               {"shards", Json::array()}};
  for (const Manifest::Class& one : manifest.classes) {
    json["classes"].push_back({{"name", one.name}, {"samples", one.samples}});
  }
  for (const Manifest::Shard& one : manifest.shards) {
    json["shards"].push_back({{"file", one.file},
                              {"samples", one.samples},
                              {"bytes", one.bytes},
                              {"digest", one.digest}});
  }
  return json;
}

Manifest from(const Json& json) {
  Manifest manifest;
  const auto encoding = core::value_of(kEncodings, json.at("encoding").get<std::string>());
  if (!encoding) throw core::UsageError("its encoding is unknown to this program", kRepairHint);
  manifest.encoding = *encoding;
  json.at("height").get_to(manifest.height);
  json.at("width").get_to(manifest.width);
  json.at("channels").get_to(manifest.channels);
  json.at("samples").get_to(manifest.samples);
  json.at("fingerprint").get_to(manifest.fingerprint);
  json.at("source").get_to(manifest.source);
  json.at("made").get_to(manifest.made);
  json.at("left_out").get_to(manifest.left_out);
  json.at("tool").get_to(manifest.tool);
  json.at("unlabelled").get_to(manifest.unlabelled);
  for (const Json& one : json.at("classes")) {
    manifest.classes.push_back({one.at("name"), one.at("samples")});
  }
  for (const Json& one : json.at("shards")) {
    manifest.shards.push_back(
        {one.at("file"), one.at("samples"), one.at("bytes"), one.at("digest")});
  }
  return manifest;
}

// Empty where all is well. Other programs may write manifests, too.
std::string contradiction(const Manifest& manifest) {
  const bool is_raw = manifest.encoding == Encoding::kRaw;
  if (manifest.channels != 1 && manifest.channels != 3) return "channels must be 1 or 3";
  constexpr int64_t kLargestSide = 1 << 16;
  for (const int64_t side : {manifest.height, manifest.width}) {
    if (is_raw ? side < 1 || side > kLargestSide : side != 0)
      return "height or width is impossible";
  }
  int64_t samples = 0, labelled = 0;
  for (const Manifest::Shard& shard : manifest.shards) {
    if (shard.samples < 0 || shard.samples > manifest.samples - samples) {
      return "its shards do not add up to its samples";
    }
    if (shard.file.empty() || shard.file.find('/') != std::string::npos) {
      return "a shard lies in another folder";
    }
    samples += shard.samples;
  }
  for (const Manifest::Class& one : manifest.classes) {
    if (one.samples < 0 || one.samples > manifest.samples - labelled)
      return "classes do not add up";
    labelled += one.samples;
  }
  if (manifest.samples < 1 || samples != manifest.samples) {
    return "its shards do not add up to its samples";
  }
  return labelled + manifest.unlabelled == samples ? "" : "classes do not add up to its samples";
}

}  // namespace

std::vector<std::string> Manifest::class_names() const {
  std::vector<std::string> names;
  for (const Class& one : classes) names.push_back(one.name);
  return names;
}

bool operator==(const Manifest::Class& a, const Manifest::Class& b) {
  return a.name == b.name && a.samples == b.samples;
}
bool operator==(const Manifest::Shard& a, const Manifest::Shard& b) {
  return a.file == b.file && a.samples == b.samples && a.bytes == b.bytes && a.digest == b.digest;
}

std::string text_of(const Manifest& manifest) {
  Json json = json_of(manifest);
  json["checksum"] = checksum_of(json);
  return dump(json, 1) + "\n";
}

Manifest parse_manifest(const std::string& text, const std::string& path) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("format", Json()) != Json(kFormat)) {
    throw core::UsageError(path + " is not the manifest of a data set", kRepairHint);
  }
  const Json version = json.value("format_version", Json());
  if (version != Json(kFormatVersion)) {
    throw core::UsageError(path + " has format version " + dump(version, -1) +
                               ", this program reads version " + std::to_string(kFormatVersion),
                           "use the program that made it, or make the data set anew with data_prep "
                           "shard --force");
  }
  const Json checksum = json.value("checksum", Json());
  json.erase("checksum");
  if (checksum != Json(checksum_of(json))) {
    throw core::UsageError(path + " is damaged: its checksum is wrong", kRepairHint);
  }
  try {
    const Manifest manifest = from(json);
    const std::string problem = contradiction(manifest);
    if (problem.empty()) return manifest;
    throw core::UsageError(problem, kRepairHint);
  } catch (const nlohmann::json::exception& error) {
    throw core::UsageError(path + " is damaged: " + error.what(), kRepairHint);
  } catch (const core::UsageError& error) {
    throw core::UsageError(path + " is damaged: " + error.what(), error.hint());
  }
}

}  // namespace bbg::data
