#pragma once
// The report of `data_prep shard`.

#include <cstdint>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data_prep/conversion/data_set_folder.h"
#include "data_prep/sources/left_out.h"

namespace bbg::data_prep {

struct ShardReport {
  std::vector<std::string> folders;
  std::vector<data::Manifest> manifests;  // one a folder
  LeftOut left_out;
  std::vector<BadImage> bad;
  int64_t shards_kept = 0;  // by this process, from an interrupted conversion
};

// The result to standard output, what was left out to standard error; or both as JSON to standard
// output.
void print_report(const ShardReport& report, bool as_json);

// Says to standard error what is left out, by kind, and the first of the bad images.
void print_left_out(const LeftOut& left_out, const std::vector<BadImage>& bad, int64_t images);

}  // namespace bbg::data_prep
