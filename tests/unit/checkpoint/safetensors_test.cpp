#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "core/error.h"
#include "core/hash.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/checkpoint/state_fixture.h"

namespace bbg::checkpoint {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A file with this header and these data, as a foreign or broken writer might leave it.
std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  return file + header + data;
}

std::string refusal(const std::string& content) {
  try {
    parse_safetensors(content, "weights.safetensors");
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("weights.safetensors"));
    return error.what();
  }
  return "accepted";
}

const char* const kTwo = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                         R"("b":{"dtype":"U8","shape":[1,3],"data_offsets":[2,5]}})";

class Safetensors : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
  std::string path_ = folder_ / "state.safetensors";
};

TEST_F(Safetensors, EveryDtypeComesBackBitForBitInOrder) {
  const core::StateDict state = test::make_state(3);
  const WrittenFile written = write_safetensors(*files_, path_, state);
  EXPECT_TRUE(test::equal_states(read_safetensors(*files_, path_), state));
  const std::string content = test::read_file(path_);
  EXPECT_EQ(written.bytes, static_cast<int64_t>(content.size()));
  EXPECT_EQ(written.checksum, core::hash64(std::as_bytes(std::span(content))));
}

TEST_F(Safetensors, DataBegin64ByteAlignedBehindASpacePaddedHeader) {
  for (int length = 0; length < 70; ++length) {
    core::StateDict state;
    state.tensors = {{std::string(static_cast<size_t>(length), 'n'), at::ones({1})}};
    write_safetensors(*files_, path_, state);
    const std::string content = test::read_file(path_);
    uint64_t header = 0;
    std::memcpy(&header, content.data(), sizeof header);
    EXPECT_EQ((sizeof header + header) % 64, 0u);
    EXPECT_EQ(content[8], '{');
    EXPECT_EQ(content.size(), sizeof header + header + sizeof(float));
  }
}

TEST_F(Safetensors, StridedTensorsAreWrittenInCOrder) {
  const at::Tensor tensor = at::arange(24, at::kFloat).reshape({2, 3, 4});
  core::StateDict state;
  state.tensors = {
      {"transposed", tensor.permute({2, 0, 1})},
      {"slice", tensor.slice(2, 1, 3)},
      {"channels last", tensor.unsqueeze(0).contiguous(at::MemoryFormat::ChannelsLast)}};
  write_safetensors(*files_, path_, state);
  EXPECT_TRUE(test::equal_states(read_safetensors(*files_, path_), state));
}

TEST_F(Safetensors, AnEmptyStateIsAFile) {
  write_safetensors(*files_, path_, {});
  EXPECT_TRUE(test::equal_states(read_safetensors(*files_, path_), {}));
}

TEST_F(Safetensors, TextThatIsNotUtf8IsWrittenWithReplacementCharacters) {
  core::StateDict state;
  state.text["path"] = "caf\xe9";
  write_safetensors(*files_, path_, state);
  EXPECT_EQ(read_safetensors(*files_, path_).text.at("path"), "caf\xef\xbf\xbd");
}

TEST_F(Safetensors, TensorsOfForeignFilesComeInTheOrderOfTheirOffsets) {
  const char* const header = R"( {"late":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},)"
                             R"("early":{"shape":[2],"data_offsets":[0,2],"dtype":"U8"}}  )";
  const core::StateDict state = parse_safetensors(file_of(header + 1, "xyz"), "foreign");
  ASSERT_EQ(state.tensors.size(), 2u);
  EXPECT_EQ(state.tensors[0].first, "early");
  EXPECT_EQ(state.tensors[0].second[1].item<int>(), 'y');
  EXPECT_EQ(state.tensors[1].second[0].item<int>(), 'z');
}

TEST_F(Safetensors, TruncationAtAnyByteIsRefused) {
  write_safetensors(*files_, path_, test::make_state(1));
  const std::string content = test::read_file(path_);
  for (size_t size = 0; size < content.size(); ++size) {
    EXPECT_NE(refusal(content.substr(0, size)), "accepted") << size;
  }
  EXPECT_THAT(refusal(content.substr(0, content.size() - 1)), HasSubstr("truncated"));
}

TEST_F(Safetensors, WhatAWriterMustNotProduceIsRefused) {
  ASSERT_EQ(refusal(file_of(kTwo, "12345")), "accepted");
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}}";
  };
  const std::string two = kTwo;
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = two;
    return text.replace(text.find(from), from.size(), to);
  };
  const struct {
    std::string content, says;
  } cases[] = {
      {"", "only 0 bytes"},
      {std::string(8, '\xff'), "does not fit"},
      {file_of("", ""), "not a JSON object"},
      {file_of("[]", ""), "not a JSON object"},
      {file_of(" {}", ""), "not a JSON object"},
      {file_of("{\"a\":", ""), "not JSON"},
      {file_of("{} {}", ""), "not JSON"},
      {file_of(two, "1234"), "truncated"},
      {file_of(two, "123456"), "belong to none"},
      {file_of(replaced("[2,5]", "[1,4]"), "1234"), "overlaps"},
      {file_of(replaced("[2,5]", "[3,6]"), "123456"), "belong to none"},
      {file_of(replaced("[0,2]", "[1,3]"), "12345"), "belong to none"},
      {file_of(replaced("\"b\"", "\"a\""), "12345"), "'a' twice"},
      {file_of(replaced("[2,5]", "[2,5],\"shape\":[3]"), "12345"), "'shape' twice"},
      {file_of(entry("\"F8_E4M3\"", "[1]", "[0,1]"), "1"), "unknown dtype \"F8_E4M3\""},
      {file_of(entry("3", "[1]", "[0,1]"), "1"), "unknown dtype 3"},
      {file_of(entry("\"F32\"", "[1]", "[0,3]"), "123"), "needs 4 bytes"},
      {file_of(entry("\"F32\"", "[-1]", "[0,4]"), "1234"), "bad shape"},
      {file_of(entry("\"F32\"", "[1.0]", "[0,4]"), "1234"), "bad shape"},
      {file_of(entry("\"F32\"", "4", "[0,4]"), "1234"), "bad shape"},
      {file_of(entry("\"U8\"", "[4294967296,4294967296]", "[0,0]"), ""), "bad shape"},
      {file_of(entry("\"U8\"", "[0,18446744073709551615]", "[0,0]"), ""), "bad shape"},
      {file_of(entry("\"U8\"", "[2]", "[2,0]"), "12"), "bad data_offsets"},
      {file_of(entry("\"U8\"", "[2]", "[0]"), "12"), "bad data_offsets"},
      {file_of(entry("\"U8\"", "[2]", "[0,2],\"more\":1"), "12"), "not exactly"},
      {file_of(R"({"a":7})", ""), "not exactly"},
      {file_of(R"({"__metadata__":[]})", ""), "not an object"},
      {file_of(R"({"__metadata__":{"a":1}})", ""), "not text"},
  };
  for (const auto& one : cases) EXPECT_THAT(refusal(one.content), HasSubstr(one.says));
}

TEST_F(Safetensors, AMissingFileIsNamed) {
  try {
    read_safetensors(*files_, path_);
    FAIL();
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(path_));
  }
}

TEST_F(Safetensors, BugsOfTheCallerAreNotWritten) {
  core::StateDict state;
  const at::Tensor one = at::ones({1});
  state.tensors = {{"a", one}, {"a", one}};
  EXPECT_THROW(write_safetensors(*files_, path_, state), core::InternalError);
  state.tensors = {{"__metadata__", one}};
  EXPECT_THROW(write_safetensors(*files_, path_, state), core::InternalError);
  state.tensors = {{"a", at::Tensor()}};
  EXPECT_THROW(write_safetensors(*files_, path_, state), core::InternalError);
  state.tensors = {{"a", one.to(at::kComplexFloat)}};
  EXPECT_THROW(write_safetensors(*files_, path_, state), core::InternalError);
  EXPECT_FALSE(files_->exists(path_));
}

}  // namespace
}  // namespace bbg::checkpoint
