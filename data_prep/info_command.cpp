#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file_system.h"
#include "core/standard_output.h"
#include "core/text.h"
#include "data/shard_set.h"
#include "data_prep/commands.h"
#include "image/codec/codec.h"
#include "image/fit.h"
#include "report/image_grid.h"
#include "report/png.h"

namespace bbg::data_prep {

namespace {

using Json = nlohmann::ordered_json;

struct InfoOptions {
  std::string path, grid;
  int64_t count = 64;
  bool json = false, sizes = false;
};

constexpr size_t kShownClasses = 40;  // on a terminal; --json has all
constexpr int64_t kSheetSide = 128;   // for images that differ in size
constexpr int64_t kMostSized = 10'000;

int64_t unlabelled(const data::ShardSet& set) {
  int64_t labelled = 0;
  for (const int64_t count : set.class_counts()) labelled += count;
  return set.size() - labelled;
}

std::string sample_shape(const data::ShardSet& set) {
  const std::string channels = std::to_string(set.channels());
  if (set.encoding() != data::Encoding::kRaw) {
    return "image files, " + channels + " channel(s) when decoded";
  }
  return std::to_string(set.height()) + "x" + std::to_string(set.width()) + "x" + channels +
         " (height, width, channels), uint8";
}

// Shorter sides of images, counted between powers of two.
struct Sides {
  int64_t images = 0;
  std::map<int64_t, int64_t> counts;  // by the power of two that is not above
};

// Looks at samples evenly spread over the data set, kMostSized at most. Image files say their size
// at their start; the rest of them is not decoded.
Sides count_sides(const data::ShardSet& set) {
  Sides sides{.images = std::min(kMostSized, set.size()), .counts = {}};
  image::Decoder decoder(set.source()->decode_options());
  std::vector<uint8_t> buffer;
  for (int64_t i = 0; i < sides.images; ++i) {
    int64_t side = std::min(set.height(), set.width());
    if (set.encoding() != data::Encoding::kRaw) {
      const int64_t sample = set.size() * i / sides.images;
      const image::ImageSize size =
          decoder.size(set.source()->read(sample, buffer, data::Check::kTrust), set.file(sample));
      side = std::min(size.height, size.width);
    }
    ++sides.counts[static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(side)))];
  }
  return sides;
}

void print_row(const std::string& name, int64_t count, int64_t largest) {
  std::printf("    %-24s %8lld  %s\n", name.c_str(), static_cast<long long>(count),
              std::string(static_cast<size_t>(count * 40 / largest), '#').c_str());
}

void print_sides(const data::ShardSet& set) {
  const Sides sides = count_sides(set);
  int64_t largest = 1;
  for (const auto& [side, count] : sides.counts) largest = std::max(largest, count);
  std::printf("  shorter side of %s\n",
              sides.images == set.size()
                  ? "the images"
                  : (core::with_separators(sides.images) + " of the images").c_str());
  for (const auto& [side, count] : sides.counts) {
    print_row(std::to_string(side) + " to " + std::to_string(2 * side - 1), count, largest);
  }
}

void print_classes(const data::ShardSet& set) {
  const std::vector<int64_t>& counts = set.class_counts();
  const int64_t without = unlabelled(set);
  int64_t largest = std::max<int64_t>(1, without);
  for (const int64_t count : counts) largest = std::max(largest, count);
  const auto row = [&](const std::string& name, int64_t count) { print_row(name, count, largest); };
  for (size_t i = 0; i < std::min(counts.size(), kShownClasses); ++i) {
    row(core::printable(set.class_names()[i]), counts[i]);
  }
  if (counts.size() > kShownClasses) {
    std::printf("    ... and %zu more; --json lists them\n", counts.size() - kShownClasses);
  }
  if (without > 0) row("(no label)", without);
}

void print_info(const data::ShardSet& set, const InfoOptions& options) {
  std::printf("%s\n", options.path.c_str());
  std::printf("  samples      %s of %s\n", core::with_separators(set.size()).c_str(),
              sample_shape(set).c_str());
  std::printf("  shards       %zu, %.1f MiB, format version %lld\n", set.files().size(),
              static_cast<double>(set.file_bytes()) / (1 << 20),
              static_cast<long long>(set.format_version()));
  std::printf("  fingerprint  %s\n", set.fingerprint().c_str());
  std::printf("  made from    %s\n", core::printable(set.source_text()).c_str());
  for (const auto& [key, value] : set.made()) {
    std::printf("  %-12s %s\n", key.c_str(), core::printable(value).c_str());
  }
  std::printf("  classes      %lld\n", static_cast<long long>(set.num_classes()));
  print_classes(set);
  if (options.sizes) print_sides(set);
}

void print_json(const data::ShardSet& set, const InfoOptions& options) {
  Json classes = Json::array();
  for (size_t i = 0; i < set.class_names().size(); ++i) {
    classes.push_back({{"name", set.class_names()[i]}, {"samples", set.class_counts()[i]}});
  }
  Json json = {{"samples", set.size()},
               {"encoding", core::word_of(data::kEncodings, set.encoding())},
               {"height", set.height()},
               {"width", set.width()},
               {"channels", set.channels()},
               {"format_version", set.format_version()},
               {"fingerprint", set.fingerprint()},
               {"source", set.source_text()},
               {"made", set.made()},
               {"bytes", set.file_bytes()},
               {"files", set.files()},
               {"unlabelled", unlabelled(set)},
               {"classes", classes}};
  if (options.sizes) {
    const Sides sides = count_sides(set);
    json["shorter_sides"] = {{"images", sides.images}, {"from", Json::object()}};
    for (const auto& [side, count] : sides.counts) {
      json["shorter_sides"]["from"][std::to_string(side)] = count;
    }
  }
  core::print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Samples evenly spread over the data set.
void write_grid(const data::ShardSet& set, const InfoOptions& options) {
  const int64_t count = std::min(options.count, set.size());
  image::Decoder decoder(set.source()->decode_options());
  std::vector<core::Image> images;
  std::vector<uint8_t> buffer, decoded;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t sample = set.size() * i / count;
    core::Image image{
        .height = set.height(), .width = set.width(), .channels = set.channels(), .pixels = {}};
    if (set.encoding() == data::Encoding::kRaw) {
      image.pixels.resize(static_cast<size_t>(set.height() * set.width() * set.channels()));
      set.read(sample, image.pixels);
    } else {
      const image::Pixels whole = decoder.decode(set.source()->read(sample, buffer, set.check()),
                                                 set.file(sample), decoded);
      image = image::fit_image(whole, kSheetSide, image::Fit::kResize);
    }
    images.push_back(std::move(image));
  }
  const auto columns = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  report::write_png(*core::make_posix_file_system(), options.grid,
                    report::make_grid(images, columns, 2));
}

void run_info(const InfoOptions& options) {
  const data::ShardSet set = data::ShardSet::open(options.path);
  if (!options.grid.empty()) write_grid(set, options);
  if (options.json) {
    print_json(set, options);
  } else {
    print_info(set, options);
  }
}

}  // namespace

command::Command info_command() {
  const auto options = std::make_shared<InfoOptions>();  // shared with what runs
  command::Command command{
      .name = "info",
      .summary = "says what a data set holds",
      .details = "Says what a data set holds: size, number of images of each class, origin."};
  command.options.add_argument("DIR", &options->path, "folder of a data set").file();
  command.options.add("--grid", "FILE.png", &options->grid, "draw some of its images there")
      .not_empty()
      .file();
  command.options.add("--count", "N", &options->count, "images of --grid").between(1, 10'000);
  command.options.add_flag("--sizes", &options->sizes,
                           "also count the images by their shorter side; 10,000 of them at most");
  command.options.add_flag("--json", &options->json, "report as JSON");
  command.run = [options] { run_info(*options); };
  return command;
}

}  // namespace bbg::data_prep
