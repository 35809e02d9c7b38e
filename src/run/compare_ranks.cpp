#include "run/compare_ranks.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "core/error.h"
#include "core/file_system.h"
#include "core/hash.h"
#include "run/run_on_all_ranks.h"

namespace bbg::run {

namespace {

// The name and both values where `other` first differs from `first`.
std::string difference(const Facts& first, const Facts& other, size_t rank) {
  const std::string who = "rank " + std::to_string(rank);
  const auto [here, there] = std::mismatch(first.begin(), first.end(), other.begin(), other.end());
  if (here == first.end() || there == other.end() || here->first != there->first) {
    return who + " knows other options than rank 0";
  }
  return who + " differs from rank 0: " + here->first + " is " + there->second + " there, " +
         here->second + " on rank 0";
}

}  // namespace

void compare_ranks(comm::Communicator& control, const Facts& facts) {
  const std::string own =
      nlohmann::json(facts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string digest = core::hex(core::hash64(std::as_bytes(std::span(own))));
  const auto digests = control.all_gather_text(digest);
  const auto is_other = [&](const std::string& text) { return text != digests[0]; };
  const auto other = std::find_if(digests.begin(), digests.end(), is_other);
  if (other == digests.end()) return;
  const auto all = control.all_gather_text(own);
  run_on_all_ranks(control, [&] {
    const auto rank = static_cast<size_t>(other - digests.begin());
    const auto facts_of = [&](size_t of) { return nlohmann::json::parse(all[of]).get<Facts>(); };
    throw core::UsageError(difference(facts_of(0), facts_of(rank), rank),
                           "start all ranks with the same program, the same command and files "
                           "that are equal on every host");
  });
}

Facts facts_of_start(const RunConfig& config, const std::string& version) {
  static const std::set<std::string> may_differ = {"data.shards", "data.test-shards",
                                                   "compute.threads"};
  const std::string program = core::make_posix_file_system()->read("/proc/self/exe");
  Facts facts = {{"the program", version + " with checksum " +
                                     core::hex(core::hash64(std::as_bytes(std::span(program))))}};
  for (const auto& [key, value] : config.table.values()) {
    if (!may_differ.contains(key)) facts.emplace_back(key, value);
  }
  return facts;
}

}  // namespace bbg::run
