#pragma once
// Samples of one pixel, which is their id, from a source with faults.

#include <atomic>
#include <cerrno>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/sample_source.h"

namespace bbg::data {

class FaultySource final : public SampleSource {
 public:
  explicit FaultySource(int64_t size) : size_(size) {}

  std::set<int64_t> damaged = {};        // found in whatever way they are read
  std::set<int64_t> rotten = {};         // found by their digests
  std::map<int64_t, int> failures = {};  // the disk is away so often
  int code = ESTALE;                     // as these say
  int64_t stuck_id = -1;                 // its read does not end until the test lets go
  mutable std::promise<void> go = {};
  mutable std::atomic<int64_t> reads = 0, verified = 0;
  bool waits = false;  // has_waited()

  int64_t size() const override { return size_; }
  Encoding encoding() const override { return Encoding::kRaw; }
  int64_t height() const override { return 1; }
  int64_t width() const override { return 1; }
  int64_t channels() const override { return 1; }
  void read_pixels(int64_t index, std::span<uint8_t> out, Check check) const override {
    ++reads;
    reads.notify_all();
    if (check == Check::kVerify) ++verified;
    if (index == stuck_id) go.get_future().wait();
    fail(index);
    if (damaged.contains(index) || (check == Check::kVerify && rotten.contains(index))) {
      throw core::UsageError("sample " + std::to_string(index) + " is damaged");
    }
    out[0] = static_cast<uint8_t>(index);
  }
  std::span<const uint8_t> read(int64_t, std::vector<uint8_t>&, Check) const override { return {}; }
  int64_t label(int64_t index) const override { return index % 3; }
  std::string file(int64_t) const override { return "slow/disk.h5"; }
  std::string name(int64_t) const override { return ""; }
  bool has_waited() const override { return waits; }
  void will_read(int64_t index) const override {
    const std::lock_guard lock(mutex_);
    asked_.push_back(index);
  }
  std::vector<int64_t> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void fail(int64_t index) const {
    const std::lock_guard lock(mutex_);
    const auto left = failures.find(index);
    if (left == failures.end() || failed_[index] >= left->second) return;
    ++failed_[index];
    errno = code;
    throw core::reading_error("pread", file(index));
  }

  int64_t size_;
  mutable std::mutex mutex_;
  mutable std::map<int64_t, int> failed_;
  mutable std::vector<int64_t> asked_;  // will_read()
};

}  // namespace bbg::data
