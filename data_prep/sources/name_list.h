#pragma once
// Many names of files, packed: ImageNet's 1.28 million take 60 MB. One thread writes, then any
// read.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bbg::data_prep {

class NameList {
 public:
  void add(std::string_view name);
  size_t size() const { return places_.size(); }
  // Valid until the next add().
  std::string_view operator[](size_t index) const {
    const Place& place = places_[index];
    return std::string_view(text_).substr(place.begin, place.length);
  }
  // Puts the names in order, see comes_before(); equal ones stay as they were. Returns the number
  // that each had before.
  std::vector<uint32_t> sort();

 private:
  struct Place {
    uint64_t begin;
    uint32_t length;
  };
  std::string text_;
  std::vector<Place> places_;
};

// Order of paths: folder by folder, then the file, each by its bytes. A separator comes before any
// other byte, so that "a/x" stands before "a-b/x".
bool comes_before(std::string_view a, std::string_view b);

}  // namespace bbg::data_prep
