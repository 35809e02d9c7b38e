#include "data_prep/sources/name_list.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace bbg::data_prep {

void NameList::add(std::string_view name) {
  BBG_CHECK(places_.size() < UINT32_MAX && name.size() < UINT32_MAX, "too many names for a list");
  places_.push_back({text_.size(), static_cast<uint32_t>(name.size())});
  text_ += name;
}

std::vector<uint32_t> NameList::sort() {
  std::vector<uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [this](uint32_t a, uint32_t b) { return comes_before((*this)[a], (*this)[b]); });
  std::vector<Place> sorted;
  sorted.reserve(size());
  for (const uint32_t index : order) sorted.push_back(places_[index]);
  places_ = std::move(sorted);
  return order;
}

bool comes_before(std::string_view a, std::string_view b) {
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (at_a == a.end() || at_b == b.end()) return at_a == a.end() && at_b != b.end();
  if (*at_a == '/' || *at_b == '/') return *at_a == '/';
  return static_cast<unsigned char>(*at_a) < static_cast<unsigned char>(*at_b);
}

}  // namespace bbg::data_prep
