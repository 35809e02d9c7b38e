#pragma once
// Shared by tests of image sources: all of a source as values, refusals as text, archives.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "data_prep/sources/open_source.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data_prep {

class SourceTest : public testing::Test {
 protected:
  using Item = std::tuple<std::string, int64_t, std::string>;  // name, label, bytes of the file

  static std::vector<Item> items_of(const ImageSource& source) {
    std::vector<Item> items;
    Content content;
    for (int64_t i = 0; i < source.size(); ++i) {
      source.read(i, content);
      EXPECT_TRUE(content.is_encoded);
      if (source.bytes(i) >= 0) {
        EXPECT_EQ(source.bytes(i), static_cast<int64_t>(content.bytes.size()));
      }
      items.emplace_back(source.name(i), source.label(i),
                         std::string(content.bytes.begin(), content.bytes.end()));
    }
    return items;
  }
  static std::vector<Item> items_of(const SourceRequest& request) {
    return items_of(*open_source(request));
  }
  static std::vector<std::string> names_of(const ImageSource& source) {
    std::vector<std::string> names;
    for (int64_t i = 0; i < source.size(); ++i) names.push_back(source.name(i));
    return names;
  }
  static std::vector<int64_t> labels_of(const ImageSource& source) {
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < source.size(); ++i) labels.push_back(source.label(i));
    return labels;
  }

  // "what / hint", or "accepted". Every refusal has a hint and stands on one line.
  static std::string refusal(const SourceRequest& request) {
    try {
      open_source(request);
    } catch (const core::UsageError& error) {
      const std::string text = std::string(error.what()) + " / " + error.hint();
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
      EXPECT_NE(error.hint(), "") << text;
      return text;
    }
    return "accepted";
  }

  std::string write(const std::string& name, const std::string& content) const {
    test::write_file(folder_ / name, content);
    return folder_ / name;
  }

  // Shell text, run in the folder.
  void shell(const std::string& command) const {
    const std::string all = "cd '" + folder_.path() + "' && { " + command + "\n} >/dev/null";
    ASSERT_EQ(std::system(all.c_str()), 0) << command;
  }
  static bool has_python() { return std::getenv("BBG_PYTHON") != nullptr; }
  void python(const std::string& program) const {
    test::write_file(folder_ / ".program.py", program);
    shell("'" + std::string(std::getenv("BBG_PYTHON")) + "' -B .program.py");
  }

  test::TemporaryFolder folder_;
};

#define BBG_NEEDS_PYTHON()                                                                 \
  if (!has_python()) {                                                                     \
    GTEST_SKIP() << "BBG_PYTHON names no Python (launch/setup --with-tests installs one)"; \
  }

}  // namespace bbg::data_prep
