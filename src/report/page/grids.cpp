#include "report/page/grids.h"

#include <algorithm>

#include "core/text.h"
#include "report/page/text.h"

namespace bbg::report {

namespace {

// For each of the two kinds: a page of both stays below some 20 MB as base64.
constexpr int64_t kMostBytes = 7'000'000;
constexpr size_t kMostFrames = 60;
constexpr size_t kMostKeys = 10;  // shown side by side on paper and without scripts

std::vector<size_t> spread(size_t count, size_t shown) {
  std::vector<size_t> places;
  if (count <= shown) shown = count;
  for (size_t i = 0; i < shown; ++i) {
    places.push_back(shown == 1 ? count - 1 : i * (count - 1) / (shown - 1));
  }
  return places;
}

struct Words {
  const char* title;
  const char* text;
  const char* alt;
};

std::string frames(const std::vector<GridFile>& grids, const char* alt, core::FileSystem& files) {
  const std::vector<size_t> keys = spread(grids.size(), kMostKeys);
  std::string html = "<div class=\"frames\">\n";
  for (size_t i = 0; i < grids.size(); ++i) {
    const bool is_key = std::find(keys.begin(), keys.end(), i) != keys.end();
    const std::string step = core::with_separators(grids[i].step);
    html += std::string("<figure class=\"picture") + (is_key ? " key" : "") +
            "\"><figcaption>step " + step + "</figcaption><img alt=\"" + alt + ", step " + step +
            "\" src=\"data:image/png;base64," + base64(files.read(grids[i].path)) +
            "\"></figure>\n";
  }
  return html + "</div>\n";
}

std::string slider(const std::vector<GridFile>& grids, const char* title) {
  const std::string last = std::to_string(grids.size() - 1);
  return "<div class=\"controls\" hidden><label>Time <input type=\"range\" min=\"0\" max=\"" +
         last + "\" value=\"" + last + "\" aria-label=\"" + title +
         " through time\"><output>step " + core::with_separators(grids.back().step) +
         "</output></label></div>\n";
}

std::string section(const std::vector<GridFile>& all, const Words& words, core::FileSystem& files) {
  if (all.empty()) return "";
  const std::vector<GridFile> grids = chosen_grids(all, kMostBytes, files);
  std::string html = "<section class=\"through-time\"><h2>" + std::string(words.title) +
                     "</h2><p>" + words.text + "</p>\n";
  if (grids.size() > 1) html += slider(grids, words.title);
  html += frames(grids, words.alt, files);
  if (grids.size() < all.size()) {
    html += "<p>" + std::to_string(grids.size()) + " of " + core::with_separators(std::ssize(all)) +
            " grids, evenly spaced; the folder grids of the run has all.</p>\n";
  }
  return html + "</section>\n";
}

}  // namespace

std::vector<GridFile> chosen_grids(const std::vector<GridFile>& grids, int64_t most_bytes,
                                   core::FileSystem& files) {
  if (grids.empty()) return {};
  // Later grids compress worse than the first, so the last one stands for all.
  const int64_t bytes = std::max<int64_t>(1, std::ssize(files.read(grids.back().path)));
  const auto fitting = static_cast<size_t>(std::max<int64_t>(1, most_bytes / bytes));
  std::vector<GridFile> chosen;
  for (const size_t place : spread(grids.size(), std::min(kMostFrames, fitting))) {
    chosen.push_back(grids[place]);
  }
  return chosen;
}

std::string grids_html(const RunRecord& run, core::FileSystem& files) {
  const std::string both =
      section(
          run.samples,
          {"Samples", "Images that the generator makes from random codes, the same at each step.",
           "Grid of generated images"},
          files) +
      section(run.reconstructions,
              {"Reconstructions",
               "Odd rows: test images. Below each: what the generator makes of its encoding.",
               "Rows of test images, each above its reconstructions"},
              files);
  return both.empty() ? "" : "<div class=\"pair\">\n" + both + "</div>\n";
}

}  // namespace bbg::report
