#pragma once
// Bytes that are read by their place: a file, a part of one, or memory. Reading is thread-safe.

#include <cstdint>
#include <span>
#include <string>

#include "core/unique_handle.h"

namespace bbg::data_prep {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual const std::string& name() const = 0;  // for messages
  virtual int64_t size() const = 0;
  // Fills `out` from `offset`; the caller keeps to size(). SystemError where reading fails.
  virtual void read_at(int64_t offset, std::span<uint8_t> out) const = 0;
};

class FileBytes final : public ByteSource {
 public:
  explicit FileBytes(std::string path);  // SystemError where it cannot be opened
  const std::string& name() const override { return path_; }
  int64_t size() const override { return size_; }
  int64_t modified_ns() const { return modified_ns_; }  // time of the last change, since 1970
  void read_at(int64_t offset, std::span<uint8_t> out) const override;
  // Asks the system to fetch these bytes, without waiting for them. No errors.
  void will_read(int64_t offset, int64_t bytes) const;

 private:
  std::string path_;
  core::Descriptor file_;
  int64_t size_ = 0, modified_ns_ = 0;
};

// Bytes [begin, begin + size) of another, which outlives it.
class PartOfBytes final : public ByteSource {
 public:
  PartOfBytes(const ByteSource& whole, std::string name, int64_t begin, int64_t size)
      : whole_(whole), name_(std::move(name)), begin_(begin), size_(size) {}
  const std::string& name() const override { return name_; }
  int64_t size() const override { return size_; }
  void read_at(int64_t offset, std::span<uint8_t> out) const override {
    whole_.read_at(begin_ + offset, out);
  }

 private:
  const ByteSource& whole_;
  std::string name_;
  int64_t begin_, size_;
};

}  // namespace bbg::data_prep
