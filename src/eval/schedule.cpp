#include "eval/schedule.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "core/value_text.h"

namespace bbg::eval {

namespace {

bool is_multiple(int64_t step, int64_t every) { return step > 0 && every > 0 && step % every == 0; }

std::pair<std::string, int64_t> exception_of(const std::string& word) {
  const size_t colon = word.find(':');
  int64_t every = 0;
  if (colon == 0 || colon == std::string::npos ||
      !core::parse_number(word.substr(colon + 1), &every) || every < 0) {
    throw core::UsageError("eval.schedule: '" + word + "' is no measure with a number of steps",
                           "write names and steps, 0 for never: fid:50000,linear_probe:10000");
  }
  return {word.substr(0, colon), every};
}

}  // namespace

Schedule::Schedule(int64_t every, const std::string& exceptions) : every_(every) {
  for (const std::string& word : core::split(exceptions, ',')) {
    exceptions_.push_back(exception_of(word));
    const std::string& name = exceptions_.back().first;
    const auto is_same = [&](const auto& exception) { return exception.first == name; };
    if (std::count_if(exceptions_.begin(), exceptions_.end(), is_same) > 1) {
      throw core::UsageError("eval.schedule names " + name + " twice", "leave one of them");
    }
  }
}

int64_t Schedule::every(const std::string& measure) const {
  const auto found =
      std::find_if(exceptions_.begin(), exceptions_.end(),
                   [&](const auto& exception) { return exception.first == measure; });
  return found == exceptions_.end() ? every_ : found->second;
}

bool Schedule::is_due(const std::string& measure, int64_t step) const {
  return is_multiple(step, every(measure));
}

bool Schedule::is_due(int64_t step) const {
  return is_multiple(step, every_) ||
         std::any_of(exceptions_.begin(), exceptions_.end(),
                     [&](const auto& exception) { return is_multiple(step, exception.second); });
}

bool Schedule::is_empty() const {
  return every_ == 0 && std::all_of(exceptions_.begin(), exceptions_.end(),
                                    [](const auto& exception) { return exception.second == 0; });
}

std::vector<std::string> Schedule::names() const {
  std::vector<std::string> names;
  for (const auto& [name, every] : exceptions_) names.push_back(name);
  return names;
}

}  // namespace bbg::eval
