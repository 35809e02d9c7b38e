// Damaged manifests and shards are read or refused.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "data/shard_set.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/data_set_writer.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data {
namespace {

constexpr int64_t kSide = 6, kChannels = 3, kSamples = 5;

std::string write_data_set(const std::string& folder) {
  test::DataSetWriter writer({.folder = folder,
                              .height = kSide,
                              .width = kSide,
                              .channels = kChannels,
                              .class_names = {"one", "other"}});
  for (int64_t i = 0; i < kSamples; ++i) {
    writer.add(std::vector<uint8_t>(kSide * kSide * kChannels, static_cast<uint8_t>(40 * i)),
               i % 2);
  }
  return writer.close()[0];
}

// Gives a manifest the checksum of its content; else damage would never get past it.
std::string with_checksum(const std::string& text) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return text;
  json.erase("checksum");
  const std::string content =
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  json["checksum"] = core::hex(core::hash64(std::as_bytes(std::span(content))));
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

TEST(Fuzz, DamagedManifestsAreReadOrRefused) {
  const test::TemporaryFolder folder;
  write_data_set(folder.path());
  const std::string whole = test::read_file(folder / kManifestName);
  int read = 0;
  test::fuzz({whole}, [&](const std::string& file, test::Mutator& random) {
    try {
      const Manifest manifest =
          parse_manifest(random.below(8) == 0 ? file : with_checksum(file), "damaged.json");
      // A manifest that was read says the same when it is written.
      EXPECT_TRUE(parse_manifest(text_of(manifest), "again.json") == manifest);
      ++read;
    } catch (const core::UsageError&) {
    }
  });
  EXPECT_GT(read, 0);
}

// Every sample is read and compared with its digest; labels are read too.
void read_all(const ShardSet& set) {
  std::vector<uint8_t> pixels(kSide * kSide * kChannels);
  for (int64_t i = 0; i < set.size(); ++i) {
    set.read(i, pixels);
    set.label(i);
    set.source()->name(i);
  }
}

TEST(Fuzz, DamagedShardsAreReadOrRefused) {
  const test::TemporaryFolder folder;
  const std::string path = write_data_set(folder.path());
  const std::string whole = test::read_file(path);
  int refused = 0;
  test::fuzz({whole}, [&](std::string file, test::Mutator& random) {
    // A shard of another size is refused at once; most keep theirs.
    if (random.below(8) != 0) file.resize(whole.size());
    test::write_file(path, file);
    try {
      read_all(ShardSet::open(folder.path()));
    } catch (const core::UsageError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      ++refused;
    } catch (const core::SystemError&) {
      ++refused;
    }
  });
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace bbg::data
