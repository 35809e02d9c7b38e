#include "data_prep/sources/tar_index_file.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "core/file_system.h"
#include "core/hash.h"
#include "core/host_name.h"
#include "core/paths.h"
#include "data_prep/sources/in_parallel.h"
#include "data_prep/sources/tar_index_text.h"

namespace bbg::data_prep {

namespace {

// The file: this line, then the hash of all that follows, then the kind, the number of archives and
// for each its identity and its index.
constexpr std::string_view kMagic = "index of tar archives, version 1\n";

// The archive that an index was made of.
std::string identity_of(const FileBytes& bytes) {
  const std::string name = std::filesystem::path(bytes.name()).filename().string();
  return name + "\n" + std::to_string(bytes.size()) + "\n" + std::to_string(bytes.modified_ns());
}

std::string hash_of(std::string_view text) {
  return core::hex(core::hash64(std::as_bytes(std::span(text))));
}

// By identity; empty where the file is absent, damaged or of another kind.
std::map<std::string, TarIndex> read_indices(const std::string& path, const std::string& kind) {
  const auto files = core::make_posix_file_system();
  std::map<std::string, TarIndex> indices;
  if (path.empty() || !files->exists(path)) return indices;
  const std::string content = files->read(path);
  std::string_view rest = content;
  if (!rest.starts_with(kMagic)) return indices;
  rest.remove_prefix(kMagic.size());
  const auto hash = take_text(rest);
  if (!hash || *hash != hash_of(rest) || take_text(rest) != kind) return indices;
  const auto count = take_number(rest);
  for (int64_t i = 0; i < count.value_or(0); ++i) {
    const auto identity = take_text(rest);
    std::optional<TarIndex> index = take_index(rest);
    if (!identity || !index) break;
    indices.emplace(*identity, std::move(*index));
  }
  return indices;
}

// Each thread of each process writes a file of its own and gives it the name: the last one's stays,
// whole.
void write_indices(const std::string& path, const std::string& kind,
                   const std::vector<IndexedTar>& tars) {
  std::string body;
  append_text(body, kind);
  append_number(body, static_cast<int64_t>(tars.size()));
  for (const IndexedTar& tar : tars) {
    append_text(body, identity_of(*tar.bytes));
    append_index(body, tar.index);
  }
  std::string head(kMagic);
  append_text(head, hash_of(body));
  const auto files = core::make_posix_file_system();
  static std::atomic<int64_t> writers = 0;
  const std::string own =
      core::partial_path(path + "." + core::host_name() + "." + std::to_string(::getpid()) + "." +
                         std::to_string(writers++));
  try {
    const auto file = files->create(own);
    file->append(std::as_bytes(std::span(head)));
    file->append(std::as_bytes(std::span(body)));
    file->sync();
    file->close();
    files->rename(own, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(own, ignored);
    throw;
  }
}

}  // namespace

std::vector<IndexedTar> index_tars(const std::vector<std::string>& paths, const TarScan& scan,
                                   const std::string& kind, const std::string& index_path) {
  std::map<std::string, TarIndex> known = read_indices(index_path, kind);
  std::vector<IndexedTar> tars(paths.size());
  std::vector<int64_t> missing;
  for (size_t i = 0; i < paths.size(); ++i) {
    tars[i].bytes = std::make_unique<FileBytes>(paths[i]);
    const auto found = known.find(identity_of(*tars[i].bytes));
    if (found == known.end()) {
      missing.push_back(static_cast<int64_t>(i));
    } else {
      tars[i].index = std::move(found->second);
      known.erase(found);
    }
  }
  in_parallel(static_cast<int64_t>(missing.size()), [&](int64_t i) {
    IndexedTar& tar = tars[static_cast<size_t>(missing[static_cast<size_t>(i)])];
    tar.index = index_tar(*tar.bytes, scan);
  });
  if (!index_path.empty() && !missing.empty()) write_indices(index_path, kind, tars);
  return tars;
}

}  // namespace bbg::data_prep
