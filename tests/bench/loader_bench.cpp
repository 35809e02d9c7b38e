// loader_bench: how fast data::Loader makes uint8 batches of a data set, beside the least that
// anyone could do. Raw sets: pread of the same samples, in the same order, into a batch that is
// used again. JPEG sets: libjpeg-turbo's decoding of the same files, whole, from memory. Both take
// turns in one process. Takes the options of data and bench (--help lists them); prints one line of
// JSON: images of each thread of ours, of the reference, and the ratio of their medians; by the
// clock, and by the time that processors took, which other programs on the machine disturb less.

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "bench/median.h"
#include "core/error.h"
#include "core/options.h"
#include "data/loader.h"
#include "data/shard_layout.h"
#include "data/shard_set.h"

extern "C" {
#include <jpeglib.h>
}

namespace bbg::bench {
namespace {

struct Options {
  data::DataOptions data;
  int64_t rounds = 9, images = 4096;

  void declare(core::OptionTable& table) {
    data.declare(table);
    table.add("bench.rounds", &rounds, "Rounds of measurements").at_least(1);
    table.add("bench.images", &images, "Images of a round, rounded up to batches").at_least(1);
  }
};

double seconds_on(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Images a second, a value for each round.
struct Speeds {
  std::vector<double> by_clock, by_processors;

  // `threads` of them did the work.
  template <class Work>
  void measure(double images, double threads, const Work& work) {
    const double start = seconds_on(CLOCK_MONOTONIC), taken = seconds_on(CLOCK_PROCESS_CPUTIME_ID);
    work();
    by_clock.push_back(images / threads / (seconds_on(CLOCK_MONOTONIC) - start));
    by_processors.push_back(images / (seconds_on(CLOCK_PROCESS_CPUTIME_ID) - taken));
  }
};

class Reference {
 public:
  virtual ~Reference() = default;
  virtual void read(int64_t id, int64_t row) = 0;
};

// Files stay open, and what lies where is known.
class PlainRead final : public Reference {
 public:
  PlainRead(const data::ShardSet& shards, int64_t batch) {
    for (const std::string& path : shards.files()) {
      const data::ShardLayout at = data::locate_shard(path);
      bytes_ = at.sample_bytes();
      const int file = ::open(path.c_str(), O_RDONLY);
      if (file < 0) throw core::posix_error("open", path);
      for (int64_t i = 0; i < at.samples; ++i) places_.push_back({file, at.data + i * bytes_});
    }
    batch_.resize(static_cast<size_t>(batch * bytes_));
  }

  void read(int64_t id, int64_t row) override {
    const Place& at = places_[static_cast<size_t>(id)];
    if (::pread(at.file, batch_.data() + row * bytes_, static_cast<size_t>(bytes_), at.offset) !=
        bytes_) {
      throw core::posix_error("pread", "sample " + std::to_string(id));
    }
  }

 private:
  struct Place {
    int file;
    off_t offset;
  };
  int64_t bytes_ = 0;
  std::vector<Place> places_;
  std::vector<uint8_t> batch_;
};

// The loop of the library's own example, on files that lie in memory.
class PlainDecode final : public Reference {
 public:
  explicit PlainDecode(const data::ShardSet& shards) {
    std::vector<uint8_t> buffer;
    for (int64_t id = 0; id < shards.size(); ++id) {
      const auto bytes = shards.source()->read(id, buffer, data::Check::kTrust);
      files_.emplace_back(bytes.begin(), bytes.end());
    }
    jpeg_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&jpeg_);
  }
  ~PlainDecode() override { jpeg_destroy_decompress(&jpeg_); }
  PlainDecode(const PlainDecode&) = delete;
  PlainDecode& operator=(const PlainDecode&) = delete;

  void read(int64_t id, int64_t) override {
    const std::vector<uint8_t>& file = files_[static_cast<size_t>(id)];
    jpeg_mem_src(&jpeg_, file.data(), file.size());
    jpeg_read_header(&jpeg_, TRUE);
    if (jpeg_.jpeg_color_space != JCS_CMYK && jpeg_.jpeg_color_space != JCS_YCCK) {
      jpeg_.out_color_space = JCS_RGB;
    }
    jpeg_start_decompress(&jpeg_);
    const size_t row_bytes = size_t{jpeg_.output_width} * jpeg_.output_components;
    pixels_.resize(row_bytes * jpeg_.output_height);
    while (jpeg_.output_scanline < jpeg_.output_height) {
      JSAMPROW row = pixels_.data() + jpeg_.output_scanline * row_bytes;
      jpeg_read_scanlines(&jpeg_, &row, 1);
    }
    jpeg_finish_decompress(&jpeg_);
  }

 private:
  std::vector<std::vector<uint8_t>> files_;
  std::vector<uint8_t> pixels_;
  jpeg_error_mgr errors_{};
  jpeg_decompress_struct jpeg_{};
};

std::unique_ptr<Reference> reference_of(const data::ShardSet& shards, int64_t batch) {
  if (shards.encoding() == data::Encoding::kRaw) return std::make_unique<PlainRead>(shards, batch);
  return std::make_unique<PlainDecode>(shards);
}

void print(const data::LoaderSetup& setup, const char* reference, const Speeds& ours,
           const Speeds& theirs) {
  std::printf("{\"threads\": %ld, \"size\": %ld, \"reference\": \"%s\"",
              setup.options.loader_threads, setup.size, reference);
  const auto print_one = [](const char* name, double own, double their) {
    std::printf(", \"%s\": {\"ours\": %.1f, \"reference\": %.1f, \"ratio\": %.3f}", name, own,
                their, own / their);
  };
  print_one("images_per_s", median(ours.by_clock), median(theirs.by_clock));
  print_one("images_per_processor_s", median(ours.by_processors), median(theirs.by_processors));
  std::printf("}\n");
}

void measure(const Options& options) {
  const auto shards = data::ShardSet::open(options.data.shards, false);
  const bool is_raw = shards.encoding() == data::Encoding::kRaw;
  if (!is_raw && options.data.crop == 0) {
    throw core::UsageError("JPEG files have no common size", "give data.crop");
  }
  data::LoaderSetup setup{.plan = {1, shards.size(), options.data.batch},
                          .options = options.data,
                          .slots = core::Slots::of_rank(options.data.batch, 0, 1),
                          .size = options.data.crop > 0 ? options.data.crop : shards.height()};
  const int64_t threads = setup.options.loader_threads =
      std::max<int64_t>(1, options.data.loader_threads);
  const int64_t batch = options.data.batch, batches = (options.images + batch - 1) / batch;
  const auto images = static_cast<double>(batches * batch);
  const auto reference = reference_of(shards, batch);
  // The first draw of each round, so that both read the same samples.
  int64_t draw = (shards.size() + batch - 1) / batch;
  Speeds ours, theirs;
  for (int64_t round = 0; round < options.rounds; ++round) {
    const int64_t warmup = setup.options.prefetch + 2;
    setup.first_draw = draw;
    {
      data::Loader loader(shards.source(), setup);
      for (int64_t i = 0; i < warmup; ++i) loader.next();
      ours.measure(images, static_cast<double>(threads), [&] {
        for (int64_t i = 0; i < batches; ++i) loader.next();
      });
    }
    draw += warmup;
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < batches; ++i, ++draw) {
      for (int64_t slot = 0; slot < batch; ++slot) ids.push_back(setup.plan.sample_id(draw, slot));
    }
    theirs.measure(images, 1, [&] {
      for (size_t i = 0; i < ids.size(); ++i) {
        reference->read(ids[i], static_cast<int64_t>(i) % batch);
      }
    });
  }
  print(setup, is_raw ? "pread" : "libjpeg, whole", ours, theirs);
}

int run(int count, char** words) {
  Options options;
  core::OptionTable table;
  options.declare(table);
  try {
    const std::vector<std::string> arguments(words + 1, words + count);
    if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
      std::printf("%s", table.help_text().c_str());
      return core::kExitSuccess;
    }
    table.parse(arguments);
    measure(options);
    return core::kExitSuccess;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", core::message_of(error).c_str());
    return core::exit_code_of(error);
  }
}

}  // namespace
}  // namespace bbg::bench

int main(int count, char** words) { return bbg::bench::run(count, words); }
