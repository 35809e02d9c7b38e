#include "data_prep/sources/left_out.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "core/text.h"

namespace bbg::data_prep {

namespace {

// Names, not hidden ones, that archivers, network storage and file systems put beside data.
constexpr std::array<std::string_view, 7> kSystemFolders = {
    "__macosx", "@eadir",     "lost+found", "$recycle.bin", "system volume information",
    "#recycle", "__pycache__"};
constexpr std::array<std::string_view, 3> kSystemFiles = {"thumbs.db", "ehthumbs.db",
                                                          "desktop.ini"};
constexpr std::array<std::string_view, 4> kImages = {".jpg", ".jpeg", ".png", ".webp"};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

template <class Names>
bool is_one_of(const std::string& name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string counted(const std::string& kind, int64_t count) {
  std::string text = kind;
  if (count > 1 && !kind.starts_with(".")) {
    // "files without extension", "hidden files".
    text.insert(
        std::min({kind.find(" without "), kind.find(" to "), kind.find(" of "), kind.size()}), "s");
  }
  return core::with_separators(count) + " " + text;
}

}  // namespace

std::string left_out_text(const LeftOut& left_out) {
  constexpr size_t kShown = 12;
  std::vector<std::pair<std::string, int64_t>> kinds(left_out.begin(), left_out.end());
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  int64_t others = 0;
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (i < kShown) {
      text += (text.empty() ? "" : ", ") + counted(kinds[i].first, kinds[i].second);
    } else {
      others += kinds[i].second;
    }
  }
  return text + (others > 0 ? " and " + core::with_separators(others) + " of other kinds" : "");
}

std::string kind_of_folder(std::string_view name) {
  if (name.starts_with(".")) return "hidden folder";
  return is_one_of(lower(name), kSystemFolders) ? "system folder" : "";
}

std::string kind_of_file(std::string_view name) {
  if (name.starts_with(".")) return "hidden file";
  if (is_one_of(lower(name), kSystemFiles)) return "system file";
  const size_t dot = name.rfind('.');
  const std::string end = dot == std::string_view::npos ? "" : lower(name.substr(dot));
  if (is_one_of(end, kImages)) return "";
  return end.empty() ? "file without extension" : core::printable(end);
}

}  // namespace bbg::data_prep
