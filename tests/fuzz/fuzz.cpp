#include "tests/fuzz/fuzz.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace bbg::test {

FuzzOptions& fuzz_options() {
  static FuzzOptions options;
  return options;
}

std::vector<std::string> corpus(const std::string& name) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(BBG_SOURCE_DIR) +
                                                               "/tests/fuzz/corpus/" + name)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> files;
  for (const auto& path : paths) files.push_back(read_file(path));
  return files;
}

void fuzz(const std::vector<std::string>& files,
          const std::function<void(const std::string& file, Mutator& random)>& parse) {
  const FuzzOptions& options = fuzz_options();
  const auto start = std::chrono::steady_clock::now();
  uint64_t round = 0;
  for (; std::chrono::steady_clock::now() - start < std::chrono::duration<double>(options.seconds);
       ++round) {
    Mutator mutator(options.seed, round);
    const std::string file = mutator.damage(files);
    if (!options.keep.empty()) write_file(options.keep, file);
    parse(file, mutator);
    if (testing::Test::HasFailure()) {
      FAIL() << "in round " << round << " of seed " << options.seed;
    }
  }
  std::printf("%llu damaged files\n", static_cast<unsigned long long>(round));
}

}  // namespace bbg::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  bbg::test::FuzzOptions& options = bbg::test::fuzz_options();
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) options.seconds = std::atof(argv[i + 1]);
    if (std::strcmp(argv[i], "--seed") == 0) options.seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--keep") == 0) options.keep = std::filesystem::absolute(argv[i + 1]);
  }
  return RUN_ALL_TESTS();
}
