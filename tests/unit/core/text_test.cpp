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

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("word", ""), 4);
  EXPECT_EQ(edit_distance("", "word"), 4);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("sunday", "saturday"), 3);
  EXPECT_EQ(edit_distance("stpes", "steps"), 1);
  EXPECT_EQ(edit_distance("batch", "batch"), 0);
  EXPECT_EQ(edit_distance("ca", "abc"), 3);  // a swapped pair is not edited again
}

TEST(Text, JoinsWordsWithASeparatorBetween) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"a"}, ", "), "a");
  EXPECT_EQ(join({"a", "b", "c"}, " | "), "a | b | c");
}

TEST(Text, WrapsAtSpacesAndIndentsFurtherLines) {
  EXPECT_EQ(wrap("", 4, 10), "");
  EXPECT_EQ(wrap("one two three", 0, 100), "one two three");
  EXPECT_EQ(wrap("one two three", 2, 9), "one two\n  three");
  EXPECT_EQ(wrap("a-word-that-is-wider b", 2, 9), "a-word-that-is-wider\n  b");
}

TEST(Text, FindsTheNearestWordWhereOneIsNear) {
  EXPECT_EQ(nearest_word("sharf", {"info", "shard", "verify"}), "shard");
  EXPECT_EQ(nearest_word("reconstrutc", {"reconstruct", "train"}), "reconstruct");
  EXPECT_EQ(nearest_word("elephant", {"info", "shard", "verify"}), "");
  EXPECT_EQ(nearest_word("x", {}), "");
}

}  // namespace
}  // namespace bbg::core
