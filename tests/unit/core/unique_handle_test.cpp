#include "core/unique_handle.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <utility>
#include <vector>

namespace bbg::core {
namespace {

std::vector<int> closed;
int close_noted(int handle) {
  closed.push_back(handle);
  return handle == 13 ? -1 : 0;  // 13 cannot be closed
}
using Handle = UniqueHandle<int, -1, &close_noted>;

class UniqueHandleTest : public ::testing::Test {
 protected:
  UniqueHandleTest() { closed.clear(); }
};

TEST_F(UniqueHandleTest, ClosesOnceAtItsEnd) {
  { const Handle handle(4); }
  EXPECT_EQ(closed, std::vector<int>{4});
}

TEST_F(UniqueHandleTest, ZeroIsAHandleLikeAnyOther) {
  {
    const Handle handle(0);
    EXPECT_TRUE(handle);
  }
  EXPECT_EQ(closed, std::vector<int>{0});
}

TEST_F(UniqueHandleTest, OneThatHoldsNothingClosesNothing) {
  {
    const Handle empty;
    EXPECT_FALSE(empty);
    const Handle failed(-1);
  }
  EXPECT_TRUE(closed.empty());
}

TEST_F(UniqueHandleTest, MovingEmptiesTheSource) {
  static_assert(!std::is_copy_constructible_v<Handle> && !std::is_copy_assignable_v<Handle>);
  static_assert(std::is_nothrow_move_constructible_v<Handle>);
  {
    Handle first(4);
    Handle second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what is left is the point
    EXPECT_EQ(second.get(), 4);
    Handle third(5);
    third = std::move(second);
    EXPECT_EQ(closed, std::vector<int>{5});
    EXPECT_EQ(third.get(), 4);
  }
  EXPECT_EQ(closed, (std::vector<int>{5, 4}));
}

TEST_F(UniqueHandleTest, MovingToItselfChangesNothing) {
  Handle handle(4);
  Handle& same = handle;
  handle = std::move(same);
  EXPECT_EQ(handle.get(), 4);
  EXPECT_TRUE(closed.empty());
}

TEST_F(UniqueHandleTest, ReleasedHandleIsTheCallers) {
  {
    Handle handle(4);
    EXPECT_EQ(handle.release(), 4);
  }
  EXPECT_TRUE(closed.empty());
}

TEST_F(UniqueHandleTest, ResetClosesTheOldAndTakesTheNew) {
  Handle handle(4);
  handle.reset(5);
  EXPECT_EQ(closed, std::vector<int>{4});
  EXPECT_EQ(handle.get(), 5);
}

TEST_F(UniqueHandleTest, CloseSaysWhetherItFailedAndIsNotRepeated) {
  {
    Handle good(4), bad(13);
    EXPECT_EQ(good.close(), 0);
    EXPECT_EQ(bad.close(), -1);
    EXPECT_FALSE(bad);
  }
  EXPECT_EQ(closed, (std::vector<int>{4, 13}));
}

}  // namespace
}  // namespace bbg::core
