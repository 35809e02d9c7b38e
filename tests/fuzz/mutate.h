#pragma once
// Damages files at random, as disks, networks and attackers do. The same seed and round give the
// same file.

#include <algorithm>
#include <string>
#include <vector>

#include "core/rng.h"

namespace bbg::test {

class Mutator {
 public:
  Mutator(uint64_t seed, uint64_t round) : random_(seed, core::Purpose::kEvaluate, round, 0) {}

  // One of `files`, damaged in one to eight places.
  std::string damage(const std::vector<std::string>& files) {
    std::string file = files[below(files.size())];
    for (size_t left = size_t{1} << below(4); left > 0; --left) damage_once(file, files);
    return file;
  }

  // A number in [0, bound), for choices of the test's own.
  size_t below(size_t bound) { return static_cast<size_t>(random_.next_below(bound)); }

 private:
  void damage_once(std::string& file, const std::vector<std::string>& files) {
    if (file.empty()) file.push_back(0);
    const size_t at = below(file.size());
    const size_t count = 1 + below(std::min<size_t>(file.size() - at, size_t{1} << below(9)));
    switch (below(8)) {
      case 0:  // flips a bit
        file[at] = static_cast<char>(file[at] ^ 1 << below(8));
        break;
      case 1:  // another byte
        file[at] = static_cast<char>(below(256));
        break;
      case 2:  // a number of 1, 2 or 4 bytes, such as a length
        write_number(file, at);
        break;
      case 3:  // cuts the end off
        file.resize(at);
        break;
      case 4:  // loses a stretch
        file.erase(at, count);
        break;
      case 5:  // has a stretch twice
        file.insert(below(file.size()), file.substr(at, count));
        break;
      case 6:  // overwrites a stretch with one of its own
        file.replace(below(file.size()), count, file.substr(at, count));
        break;
      default: {  // goes on as another file
        const std::string& other = files[below(files.size())];
        file = file.substr(0, at) + other.substr(below(other.size()));
      }
    }
  }

  void write_number(std::string& file, size_t at) {
    constexpr uint32_t kValues[] = {0,      1,      2,          0x7F,       0x80,      0xFF,
                                    0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    const size_t bytes = size_t{1} << below(3);
    const uint32_t value = kValues[below(std::size(kValues))] + static_cast<uint32_t>(below(3)) - 1;
    const bool is_little_endian = below(2) == 0;
    for (size_t i = 0; i < bytes && at + i < file.size(); ++i) {
      const size_t shift = 8 * (is_little_endian ? i : bytes - 1 - i);
      file[at + i] = static_cast<char>(value >> shift & 255);
    }
  }

  core::RandomStream random_;
};

}  // namespace bbg::test
