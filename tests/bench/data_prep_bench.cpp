// data_prep_bench: how fast `data_prep shard` converts a folder of JPEG files on one core, beside
// libjpeg-turbo's decoding of the same files (whole, from memory) and Pillow's decoding, cropping
// and box resizing. All take turns in one run, and CPU seconds count. Prints one line of JSON.
//
//   data_prep_bench FOLDER SIZE [ROUNDS]      BBG_PYTHON names a Python with Pillow

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/median.h"
#include "data_prep/conversion/conversion.h"
#include "data_prep/sources/open_source.h"
#include "tests/support/temporary_folder.h"

extern "C" {
#include <jpeglib.h>
}

namespace bbg::bench {
namespace {

using namespace data_prep;

double cpu_seconds(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Work>
double cost_of(const Work& work, int who = RUSAGE_SELF) {
  const double before = cpu_seconds(who);
  work();
  return cpu_seconds(who) - before;
}

void decode(const std::vector<uint8_t>& file, std::vector<uint8_t>& pixels) {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, file.data(), file.size());
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  const size_t row_bytes = size_t{3} * jpeg.output_width;
  pixels.resize(row_bytes * jpeg.output_height);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = pixels.data() + row_bytes * jpeg.output_scanline;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
}

void convert(const ImageSource& source, int64_t size) {
  const test::TemporaryFolder output;
  const Recipe recipe{.store = Store::kRaw, .sizes = {size}, .decode = {}};
  const Plan plan(source, recipe, {});
  std::vector<DataSetFolder> folders;
  folders.emplace_back(output.path(), plan, recipe, size, false);
  Conversion(source, recipe, plan, folders, 0, 1).run(1, [] {});
}

int run(int count, char** words) {
  if (count < 3) {
    std::fputs("usage: data_prep_bench FOLDER SIZE [ROUNDS]\n", stderr);
    return 2;
  }
  const std::string folder = words[1];
  const int64_t size = std::atoll(words[2]);
  const int rounds = count > 3 ? std::atoi(words[3]) : 7;
  const auto source = open_source({.input = folder});
  std::vector<std::vector<uint8_t>> files;
  Content content;
  for (int64_t i = 0; i < source->size(); ++i) {
    source->read(i, content);
    // Whole decoding to RGB is what libjpeg-turbo has; the few files of other kinds are left out.
    if (content.bytes[0] == 0xFF) files.push_back(content.bytes);
  }
  const char* const python = std::getenv("BBG_PYTHON");
  const std::string pillow = std::string(python == nullptr ? "python3" : python) + " " +
                             BBG_SOURCE_DIR "/tests/bench/pillow_convert.py '" + folder + "' " +
                             std::to_string(size);
  std::vector<double> ours, decoding, theirs;
  std::vector<uint8_t> pixels;
  for (int round = 0; round < rounds; ++round) {
    ours.push_back(cost_of([&] { convert(*source, size); }));
    decoding.push_back(cost_of([&] {
      for (const auto& file : files) decode(file, pixels);
    }));
    theirs.push_back(cost_of(
        [&] {
          if (std::system(pillow.c_str()) != 0) std::fputs("Pillow is missing\n", stderr);
        },
        RUSAGE_CHILDREN));
  }
  const auto images = static_cast<double>(source->size());
  const double a = median(ours), b = median(decoding), c = median(theirs);
  std::printf(
      "{\"size\": %lld, \"images\": %.0f, \"data_prep_images_per_second\": %.1f, "
      "\"libjpeg_decode_images_per_second\": %.1f, \"pillow_images_per_second\": %.1f, "
      "\"over_decode\": %.3f, \"over_pillow\": %.3f}\n",
      static_cast<long long>(size), images, images / a, static_cast<double>(files.size()) / b,
      images / c, b / a * images / static_cast<double>(files.size()), c / a);
  return 0;
}

}  // namespace
}  // namespace bbg::bench

int main(int count, char** words) { return bbg::bench::run(count, words); }
