#pragma once
// Memory that is kept from image to image. For .cpp files.

#include <cstdint>
#include <vector>

namespace bbg::image {

// Room for `count` values, whatever they are. It only grows: a vector that shrinks and grows again
// is filled with zeros each time.
template <class Value>
Value* room(std::vector<Value>& memory, int64_t count) {
  if (std::ssize(memory) < count) memory.resize(static_cast<size_t>(count));
  return memory.data();
}

}  // namespace bbg::image
