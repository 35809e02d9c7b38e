#pragma once
// Owns one handle of a C library: a file descriptor, an identifier of HDF5. Moving empties the
// source; the destructor closes and loses an error, so where closing can fail, call close().

#include <unistd.h>

#include <utility>

namespace bbg::core {

// `kNone` is the value that stands for no handle; `kClose` is the library's function.
template <typename Value, Value kNone, auto kClose>
class UniqueHandle {
 public:
  UniqueHandle() = default;
  explicit UniqueHandle(Value value) : value_(value) {}
  UniqueHandle(UniqueHandle&& other) noexcept : value_(other.release()) {}
  UniqueHandle& operator=(UniqueHandle&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueHandle() { reset(); }

  Value get() const { return value_; }
  explicit operator bool() const { return value_ != kNone; }
  // Gives the handle to the caller, who closes it.
  Value release() { return std::exchange(value_, kNone); }
  // Closes what it holds and takes `value`.
  void reset(Value value = kNone) {
    if (const Value old = std::exchange(value_, value); old != kNone) kClose(old);
  }
  // Closes and returns the library's answer; holds nothing afterwards, whatever the answer is.
  auto close() { return kClose(release()); }

 private:
  Value value_ = kNone;
};

using Descriptor = UniqueHandle<int, -1, &::close>;

}  // namespace bbg::core
