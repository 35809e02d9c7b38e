#include "comm/lookout.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

namespace bbg::comm {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 60'000ms;  // never passes unless a test fails

TEST(Lookout, AskReturnsWhenTheLookIsDone) {
  std::atomic<int> looks = 0;
  Lookout lookout(kLong);
  EXPECT_TRUE(lookout.set([&] { ++looks; }));
  for (int i = 1; i <= 3; ++i) {
    lookout.ask(kLong);
    EXPECT_GE(looks, i);
  }
}

TEST(Lookout, WithoutALookThereIsNothingToWaitFor) {
  Lookout lookout(kLong);
  lookout.ask(kLong);
  EXPECT_TRUE(lookout.set(nullptr));
}

TEST(Lookout, ReplacedLookIsNotCalledAgain) {
  std::atomic<int> looks = 0;
  Lookout lookout(kLong);
  lookout.set([&] { ++looks; });
  lookout.ask(kLong);
  EXPECT_TRUE(lookout.set(nullptr));
  const int before = looks;
  lookout.ask(kLong);
  EXPECT_EQ(looks, before);
}

// A look that comes back when it is told to; what it uses belongs to it.
struct Hanging {
  std::promise<void> is_looking, may_come_back, has_come_back;
};

class HangingLook : public ::testing::Test {
 protected:
  static std::function<void()> look_of(const std::shared_ptr<Hanging>& hanging) {
    return [hanging, back = hanging->may_come_back.get_future().share()] {
      hanging->is_looking.set_value();
      back.wait();
      hanging->has_come_back.set_value();
    };
  }
  std::shared_ptr<Hanging> hanging_ = std::make_shared<Hanging>();
  std::future<void> is_looking_ = hanging_->is_looking.get_future(),
                    has_come_back_ = hanging_->has_come_back.get_future();
};

TEST_F(HangingLook, AskGoesOnWithoutIt) {
  Lookout lookout(kLong);
  lookout.set(look_of(hanging_));
  lookout.ask(20ms);
  is_looking_.wait();
  hanging_->may_come_back.set_value();
  EXPECT_TRUE(lookout.set(nullptr));  // waits until it is back
  EXPECT_EQ(has_come_back_.wait_for(0ms), std::future_status::ready);
}

TEST_F(HangingLook, IsReportedWhenItIsReplacedAndLeftBehindAtTheEnd) {
  std::weak_ptr<Hanging> uses = hanging_;
  {
    Lookout lookout(20ms);
    lookout.set(look_of(hanging_));
    lookout.ask(1ms);
    is_looking_.wait();
    EXPECT_FALSE(lookout.set(nullptr));
  }
  std::promise<void> back = std::move(hanging_->may_come_back);
  hanging_.reset();
  EXPECT_FALSE(uses.expired());  // the look owns it
  back.set_value();
  has_come_back_.wait();
}

TEST_F(HangingLook, EndWakesWhoAsks) {
  Lookout lookout(20ms);
  lookout.set(look_of(hanging_));
  std::thread asking([&] { lookout.ask(kLong); });
  is_looking_.wait();
  lookout.end();
  asking.join();
  hanging_->may_come_back.set_value();
  has_come_back_.wait();
}

}  // namespace
}  // namespace bbg::comm
