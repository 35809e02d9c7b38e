#include "run/data_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/data_set_writer.h"
#include "tests/support/temporary_folder.h"

namespace bbg::run {
namespace {

using ::testing::HasSubstr;
using Names = std::vector<std::string>;

class TestClasses : public ::testing::Test {
 protected:
  // An image of every class, in their order, and one without a label.
  data::ShardSet shards(const std::string& name, const Names& classes) {
    test::DataSetWriter writer({.folder = folder_ / name,
                                .height = 2,
                                .width = 2,
                                .channels = 1,
                                .class_names = classes,
                                .source = "a test"});
    const std::vector<uint8_t> pixels(4);
    for (int64_t i = 0; i < std::ssize(classes); ++i) writer.add(pixels, i);
    writer.add(pixels, -1);
    writer.close();
    return data::ShardSet::open(folder_ / name);
  }

  // The labels of the test images with training's numbers; `note_` is what is said about it.
  std::vector<int64_t> matched(const Names& train, const Names& test) {
    note_.clear();
    const std::string number = std::to_string(count_++);
    const auto result = match_classes(shards("train" + number, train),
                                      shards("test" + number, test), "the/test", note_);
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < result.size(); ++i) labels.push_back(result.label(i));
    return labels;
  }

  std::string refused(const Names& train, const Names& test) {
    try {
      matched(train, test);
    } catch (const core::UsageError& error) {
      return core::message_of(error);
    }
    return "accepted";
  }

  test::TemporaryFolder folder_;
  std::string note_;
  int count_ = 0;
};

TEST_F(TestClasses, EqualOnesStayAndNothingIsSaid) {
  EXPECT_EQ(matched({"ant", "bee"}, {"ant", "bee"}), (std::vector<int64_t>{0, 1, -1}));
  EXPECT_EQ(note_, "");
  EXPECT_EQ(matched({"ant", "bee"}, {}), (std::vector<int64_t>{-1}));
  EXPECT_EQ(matched({}, {"ant", "bee"}), (std::vector<int64_t>{0, 1, -1}));
  EXPECT_EQ(note_, "");
}

TEST_F(TestClasses, FewerOrOtherwiseNumberedOnesTakeTheNumbersOfTraining) {
  EXPECT_EQ(matched({"ant", "bee", "cow"}, {"bee", "cow"}), (std::vector<int64_t>{1, 2, -1}));
  EXPECT_EQ(note_,
            "the classes of the/test are matched by name: it has 2 classes, training 3; class 0 is "
            "'bee' there, 'ant' in training");
  EXPECT_EQ(matched({"ant", "bee"}, {"bee", "ant"}), (std::vector<int64_t>{1, 0, -1}));
  EXPECT_EQ(matched({"ant", "bee"}, {"ant"}), (std::vector<int64_t>{0, -1}));
  EXPECT_THAT(note_, HasSubstr("class 1 is absent there, 'bee' in training"));
  // Folders of digits sort as text.
  EXPECT_EQ(matched({"0", "1", "2"}, {"0", "2"}), (std::vector<int64_t>{0, 2, -1}));
}

TEST_F(TestClasses, OneThatTrainingLacksIsRefusedByName) {
  EXPECT_THAT(refused({"ant", "bee"}, {"ant", "bee", "cow"}),
              HasSubstr("the/test has the class 'cow', which the training data lacks; class 2 is "
                        "'cow' there, absent in training"));
  EXPECT_THAT(refused({"ant", "bee"}, {"ant", "cow"}), HasSubstr("the class 'cow'"));
}

TEST_F(TestClasses, WithoutNamesTheirNumberIsCompared) {
  EXPECT_EQ(matched({"ant", "bee"}, {"0", "1"}), (std::vector<int64_t>{0, 1, -1}));
  EXPECT_THAT(note_, HasSubstr("are matched by number"));
  EXPECT_EQ(matched({"0", "1"}, {"ant", "bee"}), (std::vector<int64_t>{0, 1, -1}));
  EXPECT_THAT(refused({"ant", "bee"}, {"0", "1", "2"}),
              HasSubstr("the/test has 3 classes without names, the training data 2"));
  EXPECT_THAT(refused({"0", "1"}, {"0", "1", "2"}), HasSubstr("the training data 2 without names"));
  // Nothing is lost by a test set of the first classes.
  EXPECT_EQ(matched({"0", "1", "2"}, {"0", "1"}), (std::vector<int64_t>{0, 1, -1}));
}

TEST_F(TestClasses, FirstImageWithoutALabelIsFound) {
  const auto set = shards("set", {"ant", "bee"});
  EXPECT_EQ(set.first_without_label(0, 2), std::nullopt);
  EXPECT_EQ(set.first_without_label(0, 3), 2);
  EXPECT_EQ(set.first_without_label(2, 1), 2);
}

TEST(JpegSets, FitAnyResolutionButNoOtherNumberOfChannels) {
  const test::TemporaryFolder folder;
  test::DataSetWriter writer({.folder = folder.path(),
                              .channels = 3,
                              .encoding = data::Encoding::kJpeg,
                              .source = "a test"});
  const std::vector<uint8_t> bytes(20);
  for (int i = 0; i < 12; ++i) writer.add(bytes, -1);
  writer.close();
  RunConfig config;
  config.data.shards = folder.path();
  for (const int64_t resolution : {32, 128}) {
    config.model.resolution = resolution;
    EXPECT_EQ(open_data_sets(config).train.size(), 12);
  }
  config.model.channels = 1;
  try {
    open_data_sets(config);
    FAIL() << "accepted";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("are JPEG files with 3 channel(s), the model's 128x128"));
  }
}

}  // namespace
}  // namespace bbg::run
