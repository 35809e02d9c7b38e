// Small made files in the layout that the CIFAR page describes, byte by byte.

#include "data_prep/sources/cifar_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data_prep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Depends on everything, and in another way on each.
int pixel(int image, int channel, int y, int x) {
  return (image * 57 + channel * 101 + y * 13 + x * 29 + x * y) & 255;
}

std::string planes(int image) {
  std::string bytes;
  for (int channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) bytes += static_cast<char>(pixel(image, channel, y, x));
    }
  }
  return bytes;
}

// CIFAR-10's record has one label, CIFAR-100's the superclass and the class.
std::string record(std::initializer_list<int> labels, int image) {
  std::string bytes;
  for (const int label : labels) bytes += static_cast<char>(label);
  return bytes + planes(image);
}

class CifarSource : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& bytes) {
    test::write_file(folder_ / name, bytes);
    return folder_ / name;
  }
  std::unique_ptr<ImageSource> open(const std::string& path, CifarKind kind,
                                    const std::string& split = "") {
    return open_cifar({.input = path, .split = split}, kind);
  }
  std::string refusal(const std::string& path, CifarKind kind, const std::string& split = "") {
    try {
      open(path, kind, split);
    } catch (const core::UsageError& error) {
      return std::string(error.what()) + " / " + error.hint();
    }
    return "accepted";
  }
  static std::vector<CifarKind> kinds_of(const std::string& path) {
    std::vector<CifarKind> kinds;
    for (const CifarKind kind : {k10, k100}) {
      if (could_be_cifar(path, kind)) kinds.push_back(kind);
    }
    return kinds;
  }
  static void expect_image(const ImageSource& source, int64_t index, int image) {
    Content content;
    source.read(index, content);
    ASSERT_FALSE(content.is_encoded);
    const core::Image& read = content.image;
    ASSERT_EQ(read.height, 32);
    ASSERT_EQ(read.width, 32);
    ASSERT_EQ(read.channels, 3);
    ASSERT_EQ(read.pixels.size(), 3072u);
    size_t at = 0;
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        for (int channel = 0; channel < 3; ++channel) {
          ASSERT_EQ(read.pixels[at++], pixel(image, channel, y, x)) << y << " " << x;
        }
      }
    }
  }

  static constexpr CifarKind k10 = CifarKind::k10, k100 = CifarKind::k100;
  static constexpr const char* kTest = "test";
  test::TemporaryFolder folder_;
};

TEST_F(CifarSource, PlanesBecomePixelsInTheFilesOrder) {
  const auto source =
      open(file("a.bin", record({3}, 0) + record({9}, 1) + record({0}, 2)), CifarKind::k10);
  ASSERT_EQ(source->size(), 3);
  for (int i = 0; i < 3; ++i) expect_image(*source, i, i);
  EXPECT_EQ(source->label(0), 3);
  EXPECT_EQ(source->label(1), 9);
  EXPECT_EQ(source->label(2), 0);
  EXPECT_EQ(source->name(2), "a.bin:2");
  EXPECT_EQ(source->place(2), folder_ / "a.bin: record 2");
  EXPECT_EQ(source->bytes(2), -1);
  EXPECT_FALSE(source->is_shuffled_by_default());
  EXPECT_EQ(source->description(), "CIFAR-10 file a.bin");
  EXPECT_EQ(source->natural_channels(), 3);
}

TEST_F(CifarSource, TheClassOfCifar100IsTheFineLabel) {
  const auto source = open(file("a.bin", record({19, 7}, 0) + record({0, 99}, 1)), k100);
  ASSERT_EQ(source->size(), 2);
  expect_image(*source, 0, 0);
  expect_image(*source, 1, 1);
  EXPECT_EQ(source->label(0), 7);
  EXPECT_EQ(source->label(1), 99);
  EXPECT_EQ(source->class_names().size(), 100u);
}

TEST_F(CifarSource, AFolderHasATrainingAndATestPart) {
  // As text, 10 would come before 2.
  for (int i = 10; i >= 1; --i) {
    file("ten/data_batch_" + std::to_string(i) + ".bin",
         i == 2 ? record({2}, 2) + record({7}, 20) : record({i % 10}, i));
  }
  file("ten/test_batch.bin", record({5}, 50));
  const auto train = open(folder_ / "ten", k10);
  ASSERT_EQ(train->size(), 11);
  for (int i = 0; i < 11; ++i) expect_image(*train, i, i < 2 ? i + 1 : i == 2 ? 20 : i);
  EXPECT_EQ(train->label(2), 7);
  EXPECT_EQ(train->label(10), 0);
  EXPECT_EQ(train->name(2), "data_batch_2.bin:1");
  EXPECT_EQ(train->place(3), folder_ / "ten/data_batch_3.bin: record 0");
  EXPECT_EQ(train->description(), "CIFAR-10 folder ten, train");
  const auto test = open(folder_ / "ten/", k10, kTest);
  ASSERT_EQ(test->size(), 1);
  expect_image(*test, 0, 50);
  EXPECT_EQ(test->label(0), 5);

  file("hundred/train.bin", record({1, 2}, 3) + record({1, 2}, 4));
  file("hundred/test.bin", record({3, 4}, 5));
  EXPECT_EQ(open(folder_ / "hundred", k100)->size(), 2);
  expect_image(*open(folder_ / "hundred", k100, kTest), 0, 5);
}

TEST_F(CifarSource, ClassesHaveTheNamesThatLieBesideTheFiles) {
  const std::string path = file("test_batch.bin", record({3}, 0));
  EXPECT_THAT(open(path, k10)->class_names(),
              ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
  file("batches.meta.txt", "a\nb\nc\nd\r\ne\nf\ng\nh\ni\nold lorry\n\n");
  for (const std::string& place : {path, folder_.path()}) {
    EXPECT_THAT(open(place, k10, place == path ? "" : kTest)->class_names(),
                ElementsAre("a", "b", "c", "d", "e", "f", "g", "h", "i", "old lorry"));
  }
  file("batches.meta.txt", "a\nb\n");
  EXPECT_THAT(refusal(path, k10), HasSubstr("batches.meta.txt has 2 names; CIFAR-10 has 10 clas"));

  std::string names;
  for (int i = 0; i < 100; ++i) names += "name " + std::to_string(i) + "\n";
  file("fine_label_names.txt", names);
  EXPECT_EQ(open(file("test.bin", record({1, 2}, 3)), k100)->class_names()[42], "name 42");
}

TEST_F(CifarSource, FilesOfAWrongSizeAreRefused) {
  const std::string two = record({3}, 0) + record({9}, 1);
  EXPECT_EQ(refusal(file("cut.bin", two.substr(0, two.size() - 1)), k10),
            (folder_ / "cut.bin") +
                " is truncated or not of CIFAR-10: 6145 bytes are not a multiple of 3073 / fetch "
                "the file again, of the binary version");
  EXPECT_THAT(refusal(file("long.bin", two + "x"), k10), HasSubstr("6147 bytes"));
  EXPECT_THAT(refusal(file("empty.bin", ""), k10), HasSubstr("empty.bin is empty"));
  EXPECT_EQ(refusal(file("ten.bin", two), k100),
            (folder_ / "ten.bin") +
                " is truncated or not of CIFAR-100: 6146 bytes are not a multiple of 3074 / its "
                "size is that of --format cifar10");
  EXPECT_THAT(refusal(file("hundred.bin", record({1, 2}, 3)), k10),
              HasSubstr("its size is that of --format cifar100"));
  EXPECT_THAT(refusal(file("ten.bin", two), k10, kTest),
              HasSubstr("--split belongs to a folder of CIFAR's files"));
}

TEST_F(CifarSource, LabelsThatAreNoClassAreRefused) {
  EXPECT_THAT(refusal(file("a.bin", record({9}, 0) + record({10}, 1)), k10),
              HasSubstr((folder_ / "a.bin") +
                        ": record 1 has label 10; CIFAR-10 has 0 to 9 / fetch the file again"));
  EXPECT_THAT(refusal(file("b.bin", record({0, 255}, 0)), k100),
              HasSubstr("b.bin: record 0 has label 255; CIFAR-100 has 0 to 99"));
  EXPECT_THAT(refusal(file("c.bin", record({20, 0}, 0)), k100),
              HasSubstr("c.bin: record 0 has superclass 20; CIFAR-100 has 0 to 19"));
}

TEST_F(CifarSource, FoldersThatLackFilesAreRefused) {
  file("data_batch_1.bin", record({1}, 1));
  EXPECT_THAT(refusal(folder_.path(), k10, kTest),
              HasSubstr(folder_.path() + " has no test_batch.bin / "));
  EXPECT_THAT(refusal(folder_.path(), k100), HasSubstr(" has no train.bin / "));
  file("data_batch_3.bin", record({3}, 3));
  EXPECT_THAT(refusal(folder_.path(), k10), HasSubstr("has data_batch_3.bin but not data_batch_2"));
  file("other/train.bin", record({1, 2}, 3));
  EXPECT_THAT(refusal(folder_ / "other", k10), HasSubstr(" has no data_batch_1.bin / "));
  EXPECT_THROW(open(folder_ / "absent.bin", k10), core::SystemError);
}

TEST_F(CifarSource, IsRecognisedBySizeAndByTheFilesOfAFolder) {
  EXPECT_THAT(kinds_of(file("a.bin", record({1}, 1) + record({2}, 2))), ElementsAre(k10));
  EXPECT_THAT(kinds_of(file("b.bin", record({1, 2}, 1))), ElementsAre(k100));
  EXPECT_THAT(kinds_of(file("c.bin", std::string(3073 * 3074, '\1'))), ElementsAre(k10, k100));
  EXPECT_THAT(kinds_of(file("a.txt", record({1}, 1))), IsEmpty());
  EXPECT_THAT(kinds_of(file("d.bin", "")), IsEmpty());
  EXPECT_THAT(kinds_of(folder_ / "absent.bin"), IsEmpty());

  // A folder of photographs may well hold some train.bin.
  file("ten/data_batch_1.bin", record({1}, 1));
  file("hundred/test.bin", record({1, 2}, 1));
  EXPECT_THAT(kinds_of(folder_ / "ten"), IsEmpty());
  file("ten/batches.meta.txt", "");
  file("hundred/fine_label_names.txt", "");
  EXPECT_THAT(kinds_of(folder_ / "ten"), ElementsAre(k10));
  EXPECT_THAT(kinds_of(folder_ / "hundred"), ElementsAre(k100));
}

}  // namespace
}  // namespace bbg::data_prep
