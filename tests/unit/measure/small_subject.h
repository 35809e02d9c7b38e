#pragma once
// A small system and a data set of random images, for tests of measures.

#include <string>
#include <vector>

#include "core/rng.h"
#include "measure/subject.h"
#include "model/nets.h"
#include "run/run_config.h"
#include "tests/support/data_set_writer.h"
#include "tests/support/temporary_folder.h"

namespace bbg::measure {

// `count` images 32 x 32 of three colours and two classes, the darker the earlier.
inline data::ShardSet random_images(const std::string& folder, int64_t count) {
  constexpr int64_t kSide = 32, kChannels = 3;
  test::DataSetWriter writer({.folder = folder,
                              .height = kSide,
                              .width = kSide,
                              .channels = kChannels,
                              .shard_count = 1,
                              .class_names = {"one", "other"},
                              .source = "a test"});
  core::RandomStream random(1, core::Purpose::kEvaluate, 0, 0);
  for (int64_t i = 0; i < count; ++i) {
    std::vector<uint8_t> pixels(kSide * kSide * kChannels);
    const auto most = static_cast<uint64_t>(56 + 200 * i / count);
    for (uint8_t& value : pixels) value = static_cast<uint8_t>(random.next_below(most));
    writer.add(pixels, i % 2);
  }
  writer.close();
  return data::ShardSet::open(folder);
}

// A strided system of width 4, measured on few images.
inline std::vector<std::string> small_options(const std::string& system) {
  return {"--model.system",         system, "--model.block",           "strided",
          "--model.resolution",     "32",   "--model.width",           "4",
          "--model.e-width",        "4",    "--model.z-dim",           "20",
          "--eval.batch",           "8",    "--eval.samples",          "24",
          "--eval.standing-passes", "2",    "--eval.probe-iterations", "3",
          "--model.h-width",        "8",    "--model.h-depth",         "1",
          "--model.j-width",        "8",    "--model.j-depth",         "1",
          "--eval.linear-steps",    "50",   "--eval.transfer-steps",   "2",
          "--eval.transfer-batch",  "8"};
}

inline Subject subject_of(model::Nets& nets) {
  return {.generator = *nets.generator,
          .encoder = nets.encoder.get(),
          .discriminator = nets.discriminator.get()};
}

}  // namespace bbg::measure
