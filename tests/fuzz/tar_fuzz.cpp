// Damaged tar archives are indexed or refused; what is indexed lies inside the archive.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "data_prep/sources/tar_index.h"
#include "tests/fuzz/fuzz.h"

namespace bbg::data_prep {
namespace {

constexpr size_t kBlock = 512;

class Memory final : public ByteSource {
 public:
  explicit Memory(const std::string& bytes) : bytes_(bytes) {}
  const std::string& name() const override { return name_; }
  int64_t size() const override { return std::ssize(bytes_); }
  void read_at(int64_t offset, std::span<uint8_t> out) const override {
    ASSERT_GE(offset, 0);
    ASSERT_LE(offset + std::ssize(out), size());
    std::copy_n(bytes_.begin() + offset, out.size(), out.begin());
  }

 private:
  const std::string& bytes_;
  const std::string name_ = "damaged.tar";
};

// Gives a header the checksum of its bytes; else damage would never get past it.
void mend_checksum(std::string& file, size_t at) {
  constexpr size_t kPlace = 148, kDigits = 8;
  if (at + kBlock > file.size()) return;
  std::memset(file.data() + at + kPlace, ' ', kDigits);
  unsigned sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(file[at + i]);
  char digits[16];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  std::memcpy(file.data() + at + kPlace, digits, 7);  // with its NUL
}

// A header of ustar and its content, in whole blocks.
std::string entry(const std::string& name, const std::string& content, char type = '0') {
  std::string header(kBlock, '\0');
  std::memcpy(header.data(), name.data(), std::min<size_t>(name.size(), 100));
  std::snprintf(header.data() + 100, 8, "0000644");
  std::snprintf(header.data() + 124, 12, "%011zo", content.size());
  std::snprintf(header.data() + 136, 12, "00000000000");
  header[156] = type;
  std::memcpy(header.data() + 257, "ustar\00000", 8);
  mend_checksum(header, 0);
  std::string padded = content;
  padded.resize((content.size() + kBlock - 1) / kBlock * kBlock);
  return header + padded;
}

std::string pax(const std::string& key, const std::string& value) {
  const std::string body = " " + key + "=" + value + "\n";
  size_t length = body.size() + 2;
  if (std::to_string(length).size() + body.size() != length) ++length;
  return entry("pax", std::to_string(length) + body, 'x');
}

std::vector<std::string> archives() {
  const std::string end(2 * kBlock, '\0'), image(700, 'i');
  const std::string inner = entry("n01_1.JPEG", image) + entry("n01_2.JPEG", "short") + end;
  return {
      entry("a/1.jpg", image) + entry("a/", "", '5') + entry("b/2.jpg", "2") + end,
      entry("n01.tar", inner) + entry("n02.tar", entry("n02_7.JPEG", image) + end) + end,
      pax("path", "deep/" + std::string(150, 'p') + ".png") + entry("short", image) + end,
      pax("size", "700") + entry("x.jpg", image) + end,
      entry("././@LongLink", "gnu/" + std::string(200, 'g') + ".jpg" + '\0', 'L') +
          entry("cut", image) + entry("link", "", '2') + end,
  };
}

TEST(Fuzz, DamagedTarsAreIndexedOrRefused) {
  int indexed = 0;
  test::fuzz(archives(), [&](std::string file, test::Mutator& random) {
    if (random.below(4) != 0) {
      for (size_t at = 0; at < file.size(); at += kBlock) {
        if (random.below(2) == 0) mend_checksum(file, at);
      }
    }
    try {
      const TarIndex index = index_tar(Memory(file));
      for (const TarIndex::File& one : index.files) {
        EXPECT_GE(one.offset, 0);
        EXPECT_GE(one.bytes, 0);
        EXPECT_LE(one.bytes, std::ssize(file) - one.offset);
      }
      ++indexed;
    } catch (const core::UsageError&) {
    }
  });
  EXPECT_GT(indexed, 0);
}

}  // namespace
}  // namespace bbg::data_prep
