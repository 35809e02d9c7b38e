#include "core/text.h"

#include <gtest/gtest.h>

namespace bbg::core {
namespace {

TEST(Text, SeparatesThousands) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1000), "1,000");
  EXPECT_EQ(with_separators(1234567), "1,234,567");
  EXPECT_EQ(with_separators(-123), "-123");
  EXPECT_EQ(with_separators(-1234), "-1,234");
}

}  // namespace
}  // namespace bbg::core
