// Archives that Python's tarfile and GNU tar write, against what they say of them; damaged ones by
// hand.

#include "data_prep/sources/tar_index.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "data_prep/sources/tar_reader.h"
#include "tests/unit/data_prep/source_fixture.h"

namespace bbg::data_prep {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class MemoryBytes final : public ByteSource {
 public:
  explicit MemoryBytes(std::string bytes) : bytes_(std::move(bytes)) {}
  const std::string& name() const override { return name_; }
  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }
  void read_at(int64_t offset, std::span<uint8_t> out) const override {
    BBG_CHECK(offset >= 0 && offset + static_cast<int64_t>(out.size()) <= size(), "out of bounds");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::string bytes_, name_ = "x.tar";
};

// "name|offset|size" of each file, as Python prints it.
std::vector<std::string> lines_of(const TarIndex& index) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < index.names.size(); ++i) {
    std::ostringstream line;
    line << index.names[i] << "|" << index.files[i].offset << "|" << index.files[i].bytes;
    lines.push_back(line.str());
  }
  return lines;
}

std::string refusal_of(const std::string& bytes) {
  try {
    index_tar(MemoryBytes(bytes));
  } catch (const core::UsageError& error) {
    EXPECT_NE(error.hint(), "");
    return error.what();
  }
  return "accepted";
}

// A header of ustar; `fix` may change it before the checksum is made.
std::string header(const std::string& name, int64_t bytes, char type = '0',
                   const std::function<void(std::string&)>& fix = {}) {
  std::string block(512, '\0');
  block.replace(0, name.size(), name);
  char text[16];
  std::snprintf(text, sizeof text, "%011llo", static_cast<unsigned long long>(bytes));
  block.replace(124, 11, text);
  block[156] = type;
  block.replace(257, 8,
                std::string("ustar\0"
                            "00",
                            8));
  if (fix) fix(block);
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<uint8_t>(c);
  std::snprintf(text, sizeof text, "%06o", sum);
  block.replace(148, 7, std::string(text, 7));
  return block;
}

std::string member(const std::string& name, const std::string& content, char type = '0') {
  std::string bytes = header(name, static_cast<int64_t>(content.size()), type) + content;
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

const std::string kEnd(1024, '\0');

using TarIndexTest = SourceTest;

TEST_F(TarIndexTest, NamesAndPlacesAreThoseThatTarfileSaysInEveryFormat) {
  BBG_NEEDS_PYTHON();
  python(R"(
import io, tarfile
names = ["a/1.jpg", "./b//2.jpg", "/c/3.jpg", "d" * 99, "e" * 100, "p" * 120 + "/" + "q" * 90]
longs = ["f" * 101, "g/" * 130 + "h", "i" * 300, "\u00e4\u00f6/\u96ea.jpg"]
for format, more in ((tarfile.USTAR_FORMAT, []), (tarfile.GNU_FORMAT, longs), (tarfile.PAX_FORMAT, longs)):
    with tarfile.open(f"{format}.tar", "w", format=format, encoding="utf-8") as tar:
        for i, name in enumerate(names + more):
            member = tarfile.TarInfo(name)
            member.size = (0, 1, 511, 512, 513, 5000)[i % 6]
            member.mtime = 1.5 if format == tarfile.PAX_FORMAT else 1
            tar.addfile(member, io.BytesIO(b"x" * member.size))
            folder = tarfile.TarInfo(f"folder{i}")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
    with tarfile.open(f"{format}.tar") as tar, open(f"{format}.txt", "w", encoding="utf-8") as lines:
        for member in tar:
            if member.isfile():
                name = "/".join(p for p in member.name.split("/") if p not in ("", "."))
                print(name, member.offset_data, member.size, sep="|", file=lines)
)");
  for (const char* format : {"0", "1", "2"}) {
    const FileBytes bytes(folder_ / (std::string(format) + ".tar"));
    std::istringstream text(test::read_file(folder_ / (std::string(format) + ".txt")));
    std::vector<std::string> expected;
    for (std::string line; std::getline(text, line);) expected.push_back(line);
    const TarIndex index = index_tar(bytes);
    EXPECT_EQ(lines_of(index), expected) << format;
    EXPECT_EQ(index.folders.size(), expected.size());
    EXPECT_GE(expected.size(), 6u);
    EXPECT_TRUE(index.left_out.empty());
  }
}

TEST_F(TarIndexTest, EveryFormatOfGnuTarHoldsTheSameFiles) {
  write("in/plain.jpg", std::string(700, 'p'));
  write("in/" + std::string(80, 'd') + "/" + std::string(70, 'f') + ".jpg", "long");
  for (const std::string format : {"ustar", "gnu", "oldgnu", "posix"}) {
    shell("tar --format=" + format + " -cf " + format + ".tar in");
    const std::string all = test::read_file(folder_ / (std::string(format) + ".tar"));
    const TarIndex index = index_tar(MemoryBytes(all));
    ASSERT_EQ(index.names.size(), 2u) << format;
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(all.substr(static_cast<size_t>(index.files[i].offset),
                           static_cast<size_t>(index.files[i].bytes)),
                test::read_file(folder_ / std::string(index.names[i])));
    }
  }
  shell("tar --format=v7 -cf v7.tar in/plain.jpg");
  EXPECT_THAT(lines_of(index_tar(MemoryBytes(test::read_file(folder_ / "v7.tar")))),
              ElementsAre("in/plain.jpg|512|700"));
}

TEST_F(TarIndexTest, LinksDevicesAndSparseFilesAreCountedAndPassedOver) {
  write("in/a.jpg", "a");
  shell(
      "cd in && ln a.jpg b.jpg && ln -s a.jpg c.jpg && mkfifo d.jpg && truncate -s 2M e.jpg && "
      "for i in $(seq 0 40); do printf x | dd of=e.jpg bs=1 seek=$((i * 40000)) conv=notrunc "
      "status=none; done");
  write("in/f.jpg", "f");
  for (const std::string format : {"gnu", "posix"}) {
    shell("tar --sort=name -S --format=" + format + " -cf x.tar in");
    const std::string all = test::read_file(folder_ / "x.tar");
    const TarIndex index = index_tar(MemoryBytes(all));
    EXPECT_THAT(index.left_out, ElementsAre(Pair("hard link", 1), Pair("sparse file", 1),
                                            Pair("special file", 1), Pair("symbolic link", 1)))
        << format;
    ASSERT_EQ(index.names.size(), 2u);
    EXPECT_EQ(index.names[0], "in/a.jpg");
    EXPECT_EQ(index.names[1], "in/f.jpg");
    EXPECT_EQ(all[static_cast<size_t>(index.files[1].offset)], 'f') << format;
  }
}

TEST_F(TarIndexTest, SizesBeyondEightGibibytesAreReadFromBase256AndPax) {
  const int64_t large = (int64_t{9} << 30) + 5;
  const auto base256 = [&](std::string& block) {
    block[124] = static_cast<char>(0x80);
    for (int i = 0; i < 11; ++i) block[135 - i] = i < 8 ? static_cast<char>(large >> 8 * i) : '\0';
  };
  const std::string record = "19 size=" + std::to_string(large) + "\n";
  ASSERT_EQ(record.size(), 19u);
  for (const std::string& head :
       {header("large", 0, '0', base256), member("pax", record, 'x') + header("large", 7)}) {
    const std::string path = write("large.tar", head);
    const auto begin = static_cast<int64_t>(head.size());
    fs::resize_file(path, static_cast<uint64_t>(begin + (large + 511) / 512 * 512));
    std::ofstream(path, std::ios::binary | std::ios::app) << member("b", "b") << kEnd;
    EXPECT_THAT(lines_of(index_tar(FileBytes(path))),
                ElementsAre("large|" + std::to_string(begin) + "|" + std::to_string(large),
                            "b|" + std::to_string(begin + (large + 511) / 512 * 512 + 512) + "|1"));
  }
}

TEST_F(TarIndexTest, GlobalPaxHeadersHoldUntilTheEnd) {
  const std::string bytes = member("g", "12 comment=\n", 'g') + member("a", "1") +
                            member("x", "15 path=b/long\n", 'x') + member("b", "2") +
                            member("c", "3") + kEnd;
  EXPECT_THAT(lines_of(index_tar(MemoryBytes(bytes))),
              ElementsAre("a|1536|1", "b/long|3584|1", "c|4608|1"));
  // A record without a value takes an earlier one back.
  EXPECT_THAT(lines_of(index_tar(
                  MemoryBytes(member("x", "9 path=b\n8 path=\n", 'x') + member("a", "1") + kEnd))),
              ElementsAre("a|1536|1"));
}

TEST_F(TarIndexTest, ArchivesInsideAreFolders) {
  const std::string inner = member("x.jpg", "x") + member("deep.tar", "no archive") + kEnd;
  const std::string all =
      member("sub/n01.tar", inner) + member("y.jpg", "y") + member(".hidden.tar", "no") + kEnd;
  const TarIndex index = index_tar(MemoryBytes(all));
  EXPECT_THAT(lines_of(index), ElementsAre("y.jpg|4096|1", ".hidden.tar|5120|2",
                                           "sub/n01/x.jpg|1024|1", "sub/n01/deep.tar|2048|10"));
  EXPECT_THAT(index.folders, ElementsAre("sub/n01"));
  EXPECT_EQ(index_tar(MemoryBytes(all), {.enters_archives = false}).names[0], "sub/n01.tar");
  EXPECT_EQ(refusal_of(member("n01.tar", inner.substr(0, 1024)) + kEnd),
            "x.tar: n01.tar is truncated: its 1,024 bytes end where a mark of the end should be");
}

TEST_F(TarIndexTest, WhatIsCutOffAnywhereIsRefused) {
  const std::string all = member("L", std::string(150, 'n') + '\0', 'L') + member("a", "abc") +
                          member("x", "13 path=long\n", 'x') + member("b", std::string(600, 'b'));
  EXPECT_EQ(refusal_of(all + kEnd), "accepted");
  EXPECT_EQ(refusal_of(all + kEnd.substr(0, 512)), "accepted");
  for (size_t length = 1; length <= all.size(); ++length) {
    const std::string text = refusal_of(all.substr(0, length));
    EXPECT_THAT(text, HasSubstr(length < 512 ? "is not a tar archive" : "is truncated")) << length;
  }
  EXPECT_EQ(refusal_of(""), "x.tar is empty");
}

TEST_F(TarIndexTest, AChangedBitOfAHeaderIsFound) {
  const std::string good = member("a", "abc") + member("b", "def") + kEnd;
  for (size_t at = 1024; at < 1536; ++at) {
    for (const int bit : {0, 7}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1 << bit);
      // The field of the checksum has blanks and zeros that may stand in other ways.
      if (at >= 1024 + 148 && at < 1024 + 156) continue;
      EXPECT_EQ(refusal_of(bad), "x.tar is damaged: the header at byte 1024 has a wrong checksum")
          << at;
    }
  }
}

TEST_F(TarIndexTest, HeadersThatMakeNoSenseAreRefused) {
  const auto size_is = [](const std::string& digits) {
    return [digits](std::string& block) { block.replace(124, digits.size(), digits); };
  };
  const std::string first = member("a", "abc");
  for (const std::string& digits :
       {std::string("1234567890a"), std::string("-1         "), std::string(12, '\xff'),
        "\x80" + std::string(11, '\x7f'), std::string("9          ")}) {
    EXPECT_THAT(refusal_of(first + header("b", 0, '0', size_is(digits)) + kEnd),
                HasSubstr("header at byte 1024 has a wrong checksum"));
  }
  EXPECT_THAT(refusal_of(first + header("b", int64_t{1} << 30) + kEnd),
              HasSubstr("end within b, which needs 1,073,741,824 bytes from byte 1536"));
  EXPECT_THAT(refusal_of(header("L", int64_t{1} << 30, 'L') + kEnd),
              HasSubstr("announces a name of 1,073,741,824 bytes"));
  for (const char* records : {"path=a\n", "99 path=a\n", "5 path=a\n", "0 path=a\n", "-9 path=a\n",
                              "9 path=a", "7 pathx\n", "99999999999999999999 a=b\n", "9 path=ab"}) {
    EXPECT_THAT(refusal_of(member("x", records, 'x') + first + kEnd), HasSubstr("makes no sense"))
        << records;
  }
  EXPECT_THAT(refusal_of(member("x", "9 size=a\n", 'x') + first + kEnd), HasSubstr("has no size"));
  EXPECT_THAT(refusal_of(member("x", "10 path=a\n", 'x') + kEnd), HasSubstr("behind a header"));
}

TEST_F(TarIndexTest, JoinedArchivesAreRefusedAndPaddingIsNot) {
  const std::string one = member("a", "abc") + kEnd;
  EXPECT_EQ(refusal_of(one + std::string(9000, '\0')), "accepted");
  EXPECT_EQ(refusal_of(one + std::string(3000, 'x')), "accepted");
  EXPECT_THAT(refusal_of(one + one), HasSubstr("is several archives behind each other: one ends"));
}

TEST_F(TarIndexTest, CompressedArchivesAreToldByTheirCompression) {
  write("in/a.jpg", "a");
  for (const auto& [program, end] :
       {std::pair<std::string, std::string>{"gzip", "gz"}, {"bzip2", "bz2"}, {"xz", "xz"}}) {
    shell("tar -cf - in | " + program + " > x.tar." + end);
    EXPECT_THAT(refusal({.input = (folder_ / "x.tar.") + end}),
                HasSubstr("x.tar." + end + " is compressed with " + program + ", and images"));
    EXPECT_THAT(refusal({.input = (folder_ / "x.tar.") + end}),
                HasSubstr("unpack it first: " + program + " -d '" + ((folder_ / "x.tar.") + end)));
  }
  EXPECT_THAT(refusal_of("\x28\xb5\x2f\xfd" + std::string(600, 'z')), HasSubstr("with zstd"));
  EXPECT_THAT(refusal_of(std::string(600, 'z')), HasSubstr("x.tar is not a tar archive"));
}

}  // namespace
}  // namespace bbg::data_prep
