#include "core/paths.h"

#include <gtest/gtest.h>

namespace bbg::core {
namespace {

TEST(Paths, FolderOfAPathIsAllBeforeItsLastName) {
  EXPECT_EQ(folder_of("runs/a/best.png"), "runs/a");
  EXPECT_EQ(folder_of("/best.png"), "/");
  EXPECT_EQ(folder_of("runs/a/"), "runs/a");
}

TEST(Paths, FolderOfALoneNameIsTheCurrentOne) {
  EXPECT_EQ(folder_of("best.png"), ".");
  EXPECT_EQ(folder_of(""), ".");
}

TEST(Paths, NumbersHaveEightDigitsOrMore) {
  EXPECT_EQ(numbered("step-", 0), "step-00000000");
  EXPECT_EQ(numbered("step-", 12'345'678), "step-12345678");
  EXPECT_EQ(numbered("", 123'456'789), "123456789");
}

TEST(Paths, NumberOfANameIsTheOneItWasMadeWith) {
  for (const int64_t number :
       {int64_t{0}, int64_t{7}, int64_t{99'999'999}, int64_t{100'000'000}, int64_t{1} << 59}) {
    EXPECT_EQ(number_of(numbered("step-", number), "step-"), number);
  }
}

TEST(Paths, OtherNamesHaveNoNumber) {
  for (const char* const name : {"step-1", "step-0000001x", "step-", "best-00000001", "",
                                 "step-00000001.partial", "step-1234567890123456789"}) {
    EXPECT_EQ(number_of(name, "step-"), std::nullopt) << name;
  }
}

TEST(Paths, PartialNamesAreKnownByTheirEnd) {
  EXPECT_EQ(partial_path("a/b.png"), "a/b.png.partial");
  EXPECT_TRUE(is_partial(partial_path("a/b.png")));
  EXPECT_FALSE(is_partial("a.partial/b.png"));
}

}  // namespace
}  // namespace bbg::core
