#include "data/ram_cache.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/error.h"

namespace bbg::data {

namespace {

// Values of Entry::place without a sample.
constexpr int64_t kAbsent = 0, kBeingKept = -1;

// The memory begins with the place of the next sample, and an entry for each.
struct Entry {
  int64_t place;  // where its bytes begin in the memory
  int64_t bytes;
};

int64_t bytes_of_entries(int64_t samples) {
  return static_cast<int64_t>(sizeof(int64_t) + static_cast<size_t>(samples) * sizeof(Entry));
}

int64_t& used(std::span<uint8_t> memory) { return *reinterpret_cast<int64_t*>(memory.data()); }

Entry& entry_of(std::span<uint8_t> memory, int64_t index) {
  return reinterpret_cast<Entry*>(memory.data() + sizeof(int64_t))[index];
}

}  // namespace

int64_t RamCache::bytes_for(const SampleSource& source, int64_t file_bytes) {
  const int64_t samples = source.size();
  return bytes_of_entries(samples) +
         (source.encoding() == Encoding::kRaw
              ? samples * source.height() * source.width() * source.channels()
              : file_bytes);
}

RamCache::RamCache(std::shared_ptr<const SampleSource> original, SharedMemory memory)
    : original_(std::move(original)), memory_(std::move(memory)) {
  BBG_CHECK(std::ssize(memory_.bytes()) >= bytes_of_entries(size()), "memory of another data set");
}

std::span<const uint8_t> RamCache::find(int64_t index) const {
  Entry& entry = entry_of(memory_.bytes(), index);
  const int64_t place = std::atomic_ref(entry.place).load(std::memory_order_acquire);
  if (place == kAbsent || place == kBeingKept) return {};
  return memory_.bytes().subspan(static_cast<size_t>(place), static_cast<size_t>(entry.bytes));
}

// One of those who read it at a time keeps it. If that one is killed the others go on reading it
// from its file.
void RamCache::keep(int64_t index, std::span<const uint8_t> bytes) const {
  const std::span<uint8_t> memory = memory_.bytes();
  Entry& entry = entry_of(memory, index);
  const std::atomic_ref place(entry.place);
  int64_t expected = kAbsent;
  if (!place.compare_exchange_strong(expected, kBeingKept)) return;
  const int64_t start =
      bytes_of_entries(size()) + std::atomic_ref(used(memory)).fetch_add(std::ssize(bytes));
  if (start + std::ssize(bytes) > std::ssize(memory)) return;
  std::copy(bytes.begin(), bytes.end(), memory.begin() + start);
  entry.bytes = std::ssize(bytes);
  place.store(start, std::memory_order_release);
}

void RamCache::read_pixels(int64_t index, std::span<uint8_t> out, Check check) const {
  const std::span<const uint8_t> kept = find(index);
  if (!kept.empty()) {
    BBG_CHECK(kept.size() == out.size(), "buffer of another size than a sample");
    std::copy(kept.begin(), kept.end(), out.begin());
    return;
  }
  original_->read_pixels(index, out, check);
  keep(index, out);
}

std::span<const uint8_t> RamCache::read(int64_t index, std::vector<uint8_t>& buffer,
                                        Check check) const {
  if (const std::span<const uint8_t> kept = find(index); !kept.empty()) return kept;
  const std::span<const uint8_t> bytes = original_->read(index, buffer, check);
  keep(index, bytes);
  return bytes;
}

}  // namespace bbg::data
