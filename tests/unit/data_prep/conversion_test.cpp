#include "data_prep/conversion/conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "core/error.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data_prep {
namespace {

using ::testing::ElementsAreArray;

constexpr int64_t kImages = 100;

// Images of one grey value, and a note of all that was asked of it.
class NotedSource final : public ImageSource {
 public:
  struct Call {
    bool is_read;
    int64_t index;
    bool operator==(const Call&) const = default;
    friend void PrintTo(const Call& call, std::ostream* out) {
      *out << (call.is_read ? "read " : "ask for ") << call.index;
    }
  };
  std::vector<Call> calls() const { return calls_; }
  bool in_order = false;

  int64_t size() const override { return kImages; }
  void read(int64_t index, Content& out) const override {
    note({true, index});
    out.is_encoded = false;
    out.image = {4, 4, 1, std::vector<uint8_t>(16, static_cast<uint8_t>(index))};
  }
  void will_read(int64_t index) const override { note({false, index}); }
  bool lies_in_order() const override { return in_order; }
  int64_t label(int64_t) const override { return -1; }
  std::string name(int64_t index) const override { return std::to_string(index); }
  std::string place(int64_t index) const override { return name(index); }
  int64_t bytes(int64_t) const override { return -1; }
  const std::vector<std::string>& class_names() const override { return no_names_; }
  std::string description() const override { return "a test"; }
  int64_t natural_channels() const override { return 1; }
  image::Fit natural_fit() const override { return image::Fit::kResize; }
  bool is_shuffled_by_default() const override { return true; }

 private:
  void note(Call call) const {
    const std::lock_guard lock(mutex_);
    calls_.push_back(call);
  }
  std::vector<std::string> no_names_;
  mutable std::mutex mutex_;
  mutable std::vector<Call> calls_;
};

class ConversionTest : public testing::Test {
 protected:
  // As rank 1 of two does it.
  void convert(int64_t threads) { convert(threads, plan_, folder_.path()); }
  void convert(int64_t threads, const Plan& plan, const std::string& folder) {
    std::vector<DataSetFolder> folders;
    folders.emplace_back(folder, plan, recipe_, 4, false);
    Conversion(source_, recipe_, plan, folders, 1, 2).run(threads, [] {});
  }
  int64_t asked() const {
    const auto calls = source_.calls();
    return std::count_if(calls.begin(), calls.end(),
                         [](const auto& call) { return !call.is_read; });
  }
  // The images of this rank's shards, in order.
  std::vector<int64_t> own() const {
    std::vector<int64_t> images;
    for (int64_t shard = 1; shard < plan_.shards(); shard += 2) {
      for (int64_t place = plan_.first(shard); place < plan_.first(shard + 1); ++place) {
        images.push_back(plan_.image(place));
      }
    }
    return images;
  }

  NotedSource source_;
  const Recipe recipe_{.store = Store::kRaw, .sizes = {4}, .decode = {.channels = 1}};
  const Plan plan_{source_, recipe_, {.shards = 6}};
  const test::TemporaryFolder folder_;
};

TEST_F(ConversionTest, AsksForImagesInAdvanceInTheirOrder) {
  convert(1);
  const std::vector<int64_t> images = own();
  std::vector<NotedSource::Call> expected;
  size_t asked = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    while (asked < images.size() && asked <= i + Conversion::kAhead) {
      expected.push_back({false, images[asked++]});
    }
    expected.push_back({true, images[i]});
  }
  EXPECT_THAT(source_.calls(), ElementsAreArray(expected));
}

TEST_F(ConversionTest, AsksOnceForEachImageWhateverTheThreads) {
  convert(3);
  std::vector<int64_t> asked;
  for (const NotedSource::Call& call : source_.calls()) {
    if (!call.is_read) asked.push_back(call.index);
  }
  EXPECT_THAT(asked, ::testing::UnorderedElementsAreArray(own()));
}

TEST_F(ConversionTest, LeavesAFileThatIsReadFromFrontToBackToTheSystem) {
  source_.in_order = true;
  convert(1, Plan(source_, recipe_, {.is_shuffled = false, .shards = 6}), folder_ / "ordered");
  EXPECT_EQ(asked(), 0);
  convert(1, plan_, folder_ / "shuffled");
  EXPECT_EQ(asked(), std::ssize(own()));
}

// A shard that is there is not read again.
TEST_F(ConversionTest, AsksForNothingThatIsNotMade) {
  convert(2);
  const size_t before = source_.calls().size();
  convert(2);
  EXPECT_EQ(source_.calls().size(), before);
}

}  // namespace
}  // namespace bbg::data_prep
