#include "run/share_samples.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "core/error.h"
#include "data/ram_cache.h"
#include "run/run_on_all_ranks.h"

namespace bbg::run {

namespace {

// Left to all else.
constexpr int64_t kSpare = int64_t{1} << 30;

std::string gibibytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

data::SharedMemory take_memory(const data::ShardSet& set, const std::string& host) {
  const int64_t wanted = data::RamCache::bytes_for(*set.source(), set.file_bytes());
  const int64_t available = data::available_memory();
  if (wanted > available - kSpare) {
    throw core::UsageError("data.cache = ram takes " + gibibytes(wanted) + " on host " + host +
                               ", which has " + gibibytes(available) + " left for this job",
                           "ask for more memory (under Slurm --mem), or set data.cache = none: the "
                           "system keeps what it has room for anyway");
  }
  return data::SharedMemory::create(wanted);
}

}  // namespace

data::ShardSet share_samples(const data::ShardSet& set, const std::vector<std::string>& hosts,
                             comm::Communicator& control) {
  const std::string& host = hosts[static_cast<size_t>(control.rank())];
  const auto first =
      static_cast<size_t>(std::find(hosts.begin(), hosts.end(), host) - hosts.begin());
  std::optional<data::SharedMemory> memory;
  run_on_all_ranks(control, [&] {
    if (first == static_cast<size_t>(control.rank())) memory.emplace(take_memory(set, host));
  });
  const std::vector<std::string> addresses =
      control.all_gather_text(memory ? memory->address() : "");
  run_on_all_ranks(control, [&] {
    if (!memory) memory.emplace(data::SharedMemory::open(addresses[first]));
  });
  return set.read_through(std::make_shared<const data::RamCache>(set.source(), std::move(*memory)));
}

}  // namespace bbg::run
