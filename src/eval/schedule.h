#pragma once
// The steps of training after which measures are taken: eval.every, and eval.schedule for some of
// them by name. Equal on all ranks.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bbg::eval {

class Schedule {
 public:
  // `every` is for measures that `exceptions`, "fid:50000,linear_probe:0", does not name; 0 steps:
  // never. UsageError: not of that form, or a name comes twice.
  Schedule(int64_t every, const std::string& exceptions);

  // Steps between two measurements; 0: never.
  int64_t every(const std::string& measure) const;
  bool is_due(const std::string& measure, int64_t step) const;
  // Whether any measure may be.
  bool is_due(int64_t step) const;
  bool is_empty() const;  // no measure is ever due
  // The names of the exceptions, as written.
  std::vector<std::string> names() const;

 private:
  int64_t every_;
  std::vector<std::pair<std::string, int64_t>> exceptions_;
};

}  // namespace bbg::eval
