#include "checkpoint/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint_options.h"
#include "core/error.h"
#include "core/hash.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/checkpoint/state_fixture.h"

namespace bbg::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StoreTest : public testing::Test {
 protected:
  std::string file_of(int64_t step, const std::string& name) const {
    return folder_ / ("run/checkpoints/step-0000000" + std::to_string(step) + "/" + name);
  }
  void damage(int64_t step, const std::string& name, const std::string& content) {
    test::write_file(file_of(step, name), content);
  }
  std::string usage_error_of_loading() {
    try {
      store_.load_newest(&skipped_);
    } catch (const core::UsageError& error) {
      return error.what();
    }
    return "loaded";
  }
  int64_t newest_step() {
    skipped_.clear();
    const auto loaded = store_.load_newest(&skipped_);
    if (!loaded) return -1;
    EXPECT_TRUE(test::equal_states(loaded->state, test::make_state(loaded->step)));
    return loaded->step;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
  Store store_{*files_, folder_ / "run/checkpoints/", 2};
  std::vector<std::string> skipped_;
};

TEST_F(StoreTest, NothingThereIsNoError) {
  EXPECT_EQ(newest_step(), -1);
  EXPECT_THAT(store_.steps(), IsEmpty());
}

TEST_F(StoreTest, OneFolderIsLoadedByItsPath) {
  for (const int64_t step : {1, 2}) store_.save(test::make_state(step), step);
  const std::string folder = folder_ / "run/checkpoints/step-00000001";
  const Store::Loaded loaded = Store::load_folder(*files_, folder + "/");
  EXPECT_EQ(loaded.step, 1);
  EXPECT_EQ(loaded.path, folder);
  EXPECT_TRUE(test::equal_states(loaded.state, test::make_state(1)));

  const auto problem_of = [&](const std::string& path) -> std::string {
    try {
      Store::load_folder(*files_, path);
    } catch (const core::UsageError& error) {
      return error.what();
    }
    return "loaded";
  };
  EXPECT_THAT(problem_of(folder_ / "run/checkpoints"), HasSubstr("is not a checkpoint's folder"));
  EXPECT_THAT(problem_of(folder_ / "run/checkpoints/step-00000003"), HasSubstr("does not exist"));
  damage(2, "state.safetensors", "nothing");
  EXPECT_THAT(problem_of(folder_ / "run/checkpoints/step-00000002"), HasSubstr("has 7 bytes"));
}

TEST_F(StoreTest, TheBestStaysBesideTheNewestTwoUntilAnotherIs) {
  const auto save = [&](int64_t step) { store_.save(test::make_state(step), step); };
  EXPECT_FALSE(store_.best());
  save(1);
  store_.keep_best({1, "accuracy", 0.5});
  for (const int64_t step : {2, 3, 4}) save(step);
  EXPECT_THAT(store_.steps(), ElementsAre(1, 3, 4));
  EXPECT_EQ(newest_step(), 4);
  const auto best = store_.best();
  ASSERT_TRUE(best);
  EXPECT_EQ(best->step, 1);
  EXPECT_EQ(best->measure, "accuracy");
  EXPECT_EQ(best->value, 0.5);
  EXPECT_TRUE(test::equal_states(store_.load_best().state, test::make_state(1)));
  // One of the newest two needs no place of its own.
  store_.keep_best({4, "accuracy", 0.75});
  EXPECT_THAT(store_.steps(), ElementsAre(3, 4));
  // Another process finds it.
  Store other(*files_, folder_ / "run/checkpoints", 1);
  for (const int64_t step : {5, 6}) other.save(test::make_state(step), step);
  EXPECT_THAT(other.steps(), ElementsAre(4, 6));
  EXPECT_EQ(other.load_best().step, 4);
}

TEST_F(StoreTest, GoingBackKeepsTheBestOfTheWayThatIsGivenUp) {
  for (const int64_t step : {1, 2, 3}) {
    store_.save(test::make_state(step), step);
    if (step == 2) store_.keep_best({2, "accuracy", 0.5});
  }
  // Step 1 has been removed; the oldest whole one is the best itself, and stays where it is.
  EXPECT_EQ(store_.go_back(3, &skipped_).step, 2);
  EXPECT_THAT(store_.steps(), ElementsAre(2));
  store_.save(test::make_state(3), 3);
  store_.keep_best({3, "accuracy", 0.625});
  EXPECT_EQ(store_.go_back(3, &skipped_).step, 2);
  EXPECT_THAT(store_.steps(), ElementsAre(2));
  ASSERT_TRUE(store_.best());
  EXPECT_EQ(store_.best()->step, 3);
  // The run comes to the step again, with another state.
  store_.save(test::make_state(8), 3);
  store_.save(test::make_state(4), 4);
  store_.save(test::make_state(5), 5);
  EXPECT_THAT(store_.steps(), ElementsAre(4, 5));
  const Store::Loaded loaded = store_.load_best();
  EXPECT_TRUE(test::equal_states(loaded.state, test::make_state(3)));
  EXPECT_EQ(loaded.path, folder_ / "run/checkpoints/best-00000003");
  store_.keep_best({5, "accuracy", 0.75});
  EXPECT_EQ(store_.load_best().path, folder_ / "run/checkpoints/step-00000005");
  EXPECT_FALSE(files_->exists(folder_ / "run/checkpoints/best-00000003"));
}

TEST_F(StoreTest, BestThatIsGoneOrUnreadableIsNone) {
  store_.save(test::make_state(1), 1);
  store_.keep_best({1, "accuracy", 0.5});
  test::write_file(folder_ / "run/checkpoints/best.json", "nothing");
  EXPECT_FALSE(store_.best());
  EXPECT_THROW(store_.load_best(), core::UsageError);
  store_.keep_best({1, "accuracy", 0.5});
  files_->remove_all(folder_ / "run/checkpoints/step-00000001");
  EXPECT_FALSE(store_.best());
}

TEST_F(StoreTest, TheNewestComesBackWithItsStepAndPathAndTheNewestTwoStay) {
  for (const int64_t step : {1, 2, 3, 4}) store_.save(test::make_state(step), step);
  EXPECT_THAT(store_.steps(), ElementsAre(3, 4));
  EXPECT_EQ(newest_step(), 4);
  EXPECT_EQ(store_.load_newest(nullptr)->path, folder_ / "run/checkpoints/step-00000004");
  EXPECT_THAT(skipped_, IsEmpty());
  EXPECT_THAT(files_->list(folder_ / "run/checkpoints"),
              ElementsAre("step-00000003", "step-00000004"));
}

TEST_F(StoreTest, GoingBackTakesTheNewestBeforeAStepAndRemovesWhatComesAfterIt) {
  Store store(*files_, folder_ / "run/checkpoints", 9);
  EXPECT_THROW(store.go_back(5, nullptr), core::UsageError);
  const auto step_after_going_back = [&](int64_t before) {
    const Store::Loaded loaded = store.go_back(before, &skipped_);
    EXPECT_TRUE(test::equal_states(loaded.state, test::make_state(loaded.step)));
    return loaded.step;
  };
  for (const int64_t step : {1, 2, 3, 4, 5}) store.save(test::make_state(step), step);
  EXPECT_EQ(step_after_going_back(5), 4);
  EXPECT_THAT(store.steps(), ElementsAre(1, 2, 3, 4));
  damage(3, "state.safetensors", "nothing");
  EXPECT_EQ(step_after_going_back(4), 2);
  EXPECT_THAT(store.steps(), ElementsAre(1, 2));
  ASSERT_EQ(skipped_.size(), 1u);
  EXPECT_THAT(skipped_[0], HasSubstr("step-00000003"));
  // All are younger: the oldest.
  EXPECT_EQ(step_after_going_back(1), 1);
  EXPECT_THAT(store.steps(), ElementsAre(1));
  EXPECT_THAT(files_->list(folder_ / "run/checkpoints"), ElementsAre("step-00000001"));
  // The way that was given up is free for another state.
  core::StateDict other = test::make_state(7);
  store.save(other, 2);
  EXPECT_TRUE(test::equal_states(store.load_newest(nullptr)->state, other));
}

TEST_F(StoreTest, TheManifestDescribesTheStateFile) {
  store_.save(test::make_state(7), 7);
  const auto manifest = nlohmann::json::parse(test::read_file(file_of(7, "manifest.json")));
  const std::string content = test::read_file(file_of(7, "state.safetensors"));
  EXPECT_EQ(manifest["format_version"], 1);
  EXPECT_EQ(manifest["step"], 7);
  EXPECT_EQ(manifest["bytes"], content.size());
  EXPECT_EQ(manifest["xxh3"], core::hex(core::hash64(std::as_bytes(std::span(content)))));
  EXPECT_EQ(manifest["text"]["seed"], "7");
}

TEST_F(StoreTest, ADamagedNewestIsPassedOverWithItsReason) {
  store_.save(test::make_state(1), 1);
  store_.save(test::make_state(2), 2);
  const std::string manifest = test::read_file(file_of(2, "manifest.json"));
  const std::string state = test::read_file(file_of(2, "state.safetensors"));
  const auto expect_skip = [&](const std::string& reason) {
    EXPECT_EQ(newest_step(), 1);
    ASSERT_EQ(skipped_.size(), 1u);
    EXPECT_THAT(skipped_[0], HasSubstr("step-00000002"));
    EXPECT_THAT(skipped_[0], HasSubstr(reason));
  };

  std::string flipped = state;
  flipped[state.size() / 2] ^= 1;
  damage(2, "state.safetensors", flipped);
  expect_skip("checksum");
  damage(2, "state.safetensors", state.substr(0, state.size() - 1));
  expect_skip("bytes, not");
  files_->remove_all(file_of(2, "state.safetensors"));
  expect_skip("No such file");
  damage(2, "state.safetensors", state);
  damage(2, "manifest.json", manifest.substr(0, manifest.size() / 2));
  expect_skip("manifest.json is damaged");
  damage(2, "manifest.json", "{}");
  expect_skip("manifest.json is damaged");
  damage(2, "manifest.json", test::read_file(file_of(1, "manifest.json")));
  expect_skip("another step");
  files_->remove_all(file_of(2, "manifest.json"));
  expect_skip("No such file");
  damage(2, "manifest.json", manifest);
  EXPECT_EQ(newest_step(), 2);
}

// A disk that fails for a while must not cost the newest checkpoint. Reading this file's first
// bytes fails as such a disk does.
TEST_F(StoreTest, OneThatCannotBeReadNowIsNotPassedOver) {
  store_.save(test::make_state(1), 1);
  store_.save(test::make_state(2), 2);
  for (const char* name : {"manifest.json", "state.safetensors"}) {
    const std::string path = file_of(2, name), kept = path + ".kept";
    std::filesystem::rename(path, kept);
    std::filesystem::create_symlink("/proc/self/mem", path);
    try {
      store_.load_newest(&skipped_);
      ADD_FAILURE() << name << ": passed over";
    } catch (const core::SystemError& error) {
      EXPECT_EQ(error.details().code, EIO);
      EXPECT_TRUE(error.details().restart_can_help);
    }
    std::filesystem::rename(kept, path);
  }
  EXPECT_EQ(newest_step(), 2);
}

TEST_F(StoreTest, WhenNoneIsWholeItSaysSoAndNamesThemAll) {
  store_.save(test::make_state(1), 1);
  store_.save(test::make_state(2), 2);
  damage(1, "state.safetensors", "");
  damage(2, "manifest.json", "");
  const std::string text = usage_error_of_loading();
  EXPECT_THAT(text, HasSubstr("no checkpoint in"));
  EXPECT_THAT(text, HasSubstr("step-00000001"));
  EXPECT_THAT(text, HasSubstr("step-00000002"));
}

TEST_F(StoreTest, AnotherFormatVersionIsRefusedAndNotPassedOver) {
  store_.save(test::make_state(1), 1);
  store_.save(test::make_state(2), 2);
  auto manifest = nlohmann::json::parse(test::read_file(file_of(2, "manifest.json")));
  manifest["format_version"] = 2;
  damage(2, "manifest.json", manifest.dump());
  EXPECT_THAT(usage_error_of_loading(), HasSubstr("format version 2, this program reads 1"));
}

TEST_F(StoreTest, LeftoversAreIgnoredAndRemovedByTheNextSave) {
  store_.save(test::make_state(1), 1);
  test::write_file(folder_ / "run/checkpoints/step-00000002.partial/state.safetensors", "half");
  test::write_file(folder_ / "run/checkpoints/notes.partial", "the user's own");
  EXPECT_EQ(newest_step(), 1);
  EXPECT_THAT(store_.steps(), ElementsAre(1));
  store_.save(test::make_state(3), 3);
  EXPECT_THAT(files_->list(folder_ / "run/checkpoints"),
              ElementsAre("notes.partial", "step-00000001", "step-00000003"));
}

TEST_F(StoreTest, ABrokenCheckpointDoesNotCountAndIsReplacedWhenTheRunGetsThere) {
  Store keep_one(*files_, folder_ / "run/checkpoints", 1);
  store_.save(test::make_state(2), 2);
  store_.save(test::make_state(4), 4);
  damage(4, "state.safetensors", "broken");
  keep_one.save(test::make_state(3), 3);
  EXPECT_EQ(newest_step(), 3);
  keep_one.save(test::make_state(4), 4);
  EXPECT_EQ(newest_step(), 4);
  EXPECT_THAT(files_->list(folder_ / "run/checkpoints"), ElementsAre("step-00000004"));
}

TEST_F(StoreTest, ACompleteCheckpointOfTheSameStepIsNotOverwritten) {
  store_.save(test::make_state(1), 1);
  EXPECT_NO_THROW(store_.save(test::make_state(1), 1));
  EXPECT_THROW(store_.save(test::make_state(2), 1), core::UsageError);
  EXPECT_EQ(newest_step(), 1);
  EXPECT_THAT(files_->list(folder_ / "run/checkpoints"), ElementsAre("step-00000001"));
}

TEST_F(StoreTest, FilesThatAreNotCheckpointsAreLeftAlone) {
  for (const char* name : {"step-1", "step-0000000x", "step-000000001e", "other"}) {
    test::write_file(folder_ / ("run/checkpoints/" + std::string(name)), "");
  }
  EXPECT_EQ(newest_step(), -1);
  for (const int64_t step : {1, 2, 3}) store_.save(test::make_state(step), step);
  EXPECT_EQ(files_->list(folder_ / "run/checkpoints").size(), 6u);
}

TEST_F(StoreTest, StepsBeyondEightDigitsSortByNumber) {
  store_.save(test::make_state(99'999'999), 99'999'999);
  store_.save(test::make_state(100'000'000), 100'000'000);
  EXPECT_EQ(newest_step(), 100'000'000);
}

TEST(CheckpointOptionsTest, DefaultsAndBounds) {
  CheckpointOptions options;
  core::OptionTable table;
  options.declare(table);
  EXPECT_EQ(options.every, 500);
  EXPECT_EQ(options.keep, 3);
  table.parse({"--checkpoint.every", "7", "--checkpoint.keep=1"});
  EXPECT_EQ(options.every, 7);
  EXPECT_EQ(options.keep, 1);
  EXPECT_THROW(table.parse({"--checkpoint.keep", "0"}), core::UsageError);
  EXPECT_THROW(table.parse({"--checkpoint.every", "0"}), core::UsageError);
}

TEST_F(StoreTest, PassesOverAStateThatItsOwnerObjectsTo) {
  for (const int64_t step : {1, 2}) store_.save(test::make_state(step), step);
  Store strict(*files_, folder_ / "run/checkpoints", 3, [](const core::StateDict& state) {
    return state.text.at("seed") == "2" ? "seed is two" : "";
  });
  std::vector<std::string> skipped;
  EXPECT_EQ(strict.load_newest(&skipped)->step, 1);
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_THAT(skipped[0], ::testing::HasSubstr("step-00000002: seed is two"));
}

}  // namespace
}  // namespace bbg::checkpoint
