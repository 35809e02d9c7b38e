#include "checkpoint/checkpoint_folder.h"

#include <cerrno>
#include <nlohmann/json.hpp>
#include <span>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "core/hash.h"

namespace bbg::checkpoint {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "bbg_dist checkpoint";
constexpr int64_t kFormatVersion = 1;
constexpr const char* kStateFile = "state.safetensors";

std::string manifest_of(const core::StateDict& state, int64_t step, const WrittenFile& written) {
  const Json manifest = {{"format", kFormat},      {"format_version", kFormatVersion},
                         {"step", step},           {"file", kStateFile},
                         {"bytes", written.bytes}, {"xxh3", core::hex(written.checksum)},
                         {"text", state.text}};
  return manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string write_checkpoint(core::FileSystem& files, const std::string& path,
                             const core::StateDict& state, int64_t step) {
  const WrittenFile written = write_safetensors(files, path + "/" + kStateFile, state);
  // Last: a manifest vouches for a state file that is on the disk.
  const std::string manifest = manifest_of(state, step, written);
  const auto file = files.create(path + "/" + kManifestFile);
  file->append(std::as_bytes(std::span(manifest)));
  file->sync();
  file->close();
  files.sync_folder(path);
  return manifest;
}

std::optional<core::StateDict> read_checkpoint(core::FileSystem& files, const std::string& path,
                                               int64_t step, const Check& check,
                                               std::string* problem) {
  const auto broken = [&](const std::string& text) {
    *problem = path + ": " + text;
    return std::nullopt;
  };
  try {
    const Json manifest = Json::parse(files.read(path + "/" + kManifestFile), nullptr, false);
    if (!manifest.is_object() || manifest.value("format", Json()) != kFormat) {
      return broken("manifest.json is damaged");
    }
    const Json version = manifest.value("format_version", Json());
    if (version != kFormatVersion) {
      throw core::UsageError(path + " has checkpoint format version " + version.dump() +
                                 ", this program reads " + std::to_string(kFormatVersion),
                             "use the version of bbg_dist that wrote it");
    }
    if (manifest.value("step", Json()) != step) {
      return broken("manifest.json is of another step");
    }
    const std::string content = files.read(path + "/" + kStateFile);
    if (manifest.value("bytes", Json()) != content.size()) {
      return broken(std::string(kStateFile) + " has " + std::to_string(content.size()) +
                    " bytes, not " + manifest.value("bytes", Json()).dump());
    }
    if (manifest.value("xxh3", Json()) !=
        core::hex(core::hash64(std::as_bytes(std::span(content))))) {
      return broken(std::string(kStateFile) + " does not have its checksum");
    }
    core::StateDict state = parse_safetensors(content, path + "/" + kStateFile);
    const std::string objection = check ? check(state) : "";
    if (!objection.empty()) return broken(objection);
    return state;
  } catch (const core::SystemError& error) {
    // A disk that fails for now, or too many open files, say nothing about the checkpoint.
    const int code = error.details().code;
    if (code != ENOENT && code != ENOTDIR && code != EISDIR) throw;
    return broken(error.what());
  }
}

}  // namespace bbg::checkpoint
