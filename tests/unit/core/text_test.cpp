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

TEST(Text, ShowsControlCharactersAsEscapes) {
  EXPECT_EQ(printable("cat \xC3\xBC"), "cat \xC3\xBC");
  EXPECT_EQ(printable("a\nb\r\tc"), "a\\nb\\r\\tc");
  EXPECT_EQ(printable(std::string("\0\x1b[2J\x7f", 6)), "\\x00\\x1b[2J\\x7f");
}

}  // namespace
}  // namespace bbg::core
