#pragma once
// The sub-commands. Each parses its own arguments, writes its result to standard output and throws
// what went wrong.

#include <string>
#include <vector>

#include "data_prep/command_line.h"

namespace bbg::data_prep {

struct ShardOptions {
  std::string input, output, labels;
  std::string split;  // empty: train
  std::string format = "auto", channels = "auto", fit = "auto";
  int64_t size = 0;
  int64_t shards = 0;  // 0: by shard_mib
  int64_t shard_mib = 1024;
  int64_t threads = 0;  // 0: one per core
  bool skip_bad = false, force = false, json = false;

  CommandLine declare();
};
void run_shard(const ShardOptions& options);

struct ReportOptions {
  std::string path;
  bool json = false;

  CommandLine declare_verify();
  CommandLine declare_info();
};
void run_verify(const ReportOptions& options);
void run_info(const ReportOptions& options);

}  // namespace bbg::data_prep
