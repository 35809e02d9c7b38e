#include "data_prep/sources/archives.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "data_prep/sources/byte_source.h"
#include "data_prep/sources/left_out.h"
#include "data_prep/sources/name_list.h"
#include "data_prep/sources/tar_reader.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_named_like_tar(const std::string& path) {
  // Compressed ones are archives too, which are refused with a hint.
  constexpr std::array kEnds = {".tar",    ".tar.gz", ".tgz",     ".tar.bz2", ".tbz2",
                                ".tar.xz", ".txz",    ".tar.zst", ".tar.lz4", ".tar.lzma"};
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [&path](const char* end) { return path.ends_with(end); });
}

bool begins_like_tar(const std::string& path) {
  const FileBytes bytes(path);
  TarBlock block;
  if (bytes.size() < kTarBlock) return false;
  bytes.read_at(0, block);
  return !is_zero(block) && parse_tar_header(block).has_value();
}

// Empty where the folder has images or sub-folders too: then it is a folder of images.
std::vector<std::string> archives_in(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      if (kind_of_folder(name).empty()) return {};
    } else if (const std::string kind = kind_of_file(name); kind.empty()) {
      return {};
    } else if (kind == ".tar") {
      paths.push_back(entry.path().string());
    }
  }
  return paths;
}

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> paths;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (end > begin) paths.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return paths;
}

bool has_pair(const std::string& path) {
  constexpr int kLooked = 24;  // members; a pair stands together
  const FileBytes bytes(path);
  std::set<std::string> images, labels;
  try {
    TarReader reader(bytes);
    for (int i = 0; i < kLooked; ++i) {
      const std::optional<TarMember> member = reader.next();
      if (!member) break;
      if (member->kind != TarMember::Kind::kFile) continue;
      const SampleName name = split_sample_name(member->name);
      if (name.end == "cls" || name.end == "json") labels.emplace(name.key);
      if (name.is_image()) images.emplace(name.key);
    }
  } catch (const core::UsageError&) {
    return false;  // opening it as an archive says why
  }
  return std::any_of(labels.begin(), labels.end(),
                     [&images](const std::string& key) { return images.contains(key); });
}

}  // namespace

std::vector<std::string> archives_of(const std::string& input) {
  std::error_code error;
  std::vector<std::string> paths;
  if (fs::is_directory(input, error)) {
    paths = archives_in(input);
  } else if (is_file(input)) {
    if (is_named_like_tar(input) || begins_like_tar(input)) paths = {input};
  } else if (input.find(',') != std::string::npos) {
    paths = split_list(input);
  }
  std::sort(paths.begin(), paths.end(), comes_before);
  return paths;
}

std::string archives_text(const std::string& input, const std::vector<std::string>& paths) {
  std::error_code error;
  if (fs::is_directory(input, error)) {
    return fs::canonical(input).filename().string() + " (" + std::to_string(paths.size()) +
           (paths.size() == 1 ? " archive)" : " archives)");
  }
  const std::string first = fs::path(paths.front()).filename().string();
  return paths.size() == 1 ? first : first + " and " + std::to_string(paths.size() - 1) + " more";
}

bool looks_like_webdataset(const std::string& input) {
  const std::vector<std::string> paths = archives_of(input);
  return !paths.empty() && is_file(paths.front()) && has_pair(paths.front());
}

bool looks_like_tar(const std::string& input) {
  return !archives_of(input).empty() && !looks_like_webdataset(input);
}

bool SampleName::is_image() const {
  return end.find('.') == std::string_view::npos && kind_of_file("x." + std::string(end)).empty();
}

SampleName split_sample_name(std::string_view name) {
  const size_t slash = name.rfind('/');
  const size_t dot = name.find('.', slash == std::string_view::npos ? 0 : slash);
  if (dot == std::string_view::npos) return {name, {}};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace bbg::data_prep
