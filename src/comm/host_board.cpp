#include "comm/host_board.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace bbg::comm {

namespace {

// Sequence (32 bits), operation (4) and a digest of the bytes (28) in one word, which is never
// torn. 0 is no entry: sequences begin with 1.
uint64_t word_of(int64_t sequence, Operation operation, int64_t bytes) {
  const uint64_t digest = static_cast<uint64_t>(bytes) * 0x9e3779b97f4a7c15 >> 36;
  return static_cast<uint64_t>(sequence) << 32 | static_cast<uint64_t>(operation) << 28 | digest;
}
uint64_t sequence_of(uint64_t word) { return word >> 32; }
Operation operation_of(uint64_t word) { return static_cast<Operation>(word >> 28 & 0xf); }

bool is_gone(int64_t process) {
  return process > 0 && ::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH;
}

}  // namespace

HostBoard::HostBoard(BoardEntry* entries, int size, int own, int rank)
    : entries_(entries), size_(size), own_(own) {
  entries[own].rank = rank + 1;
  entries[own].process = ::getpid();
}

std::vector<int> HostBoard::ranks() const {
  std::vector<int> ranks;
  for (int i = 0; i < size_; ++i) ranks.push_back(static_cast<int>(entries_[i].rank) - 1);
  return ranks;
}

void HostBoard::enter(int64_t sequence, Operation operation, int64_t bytes) {
  own().recent[sequence % BoardEntry::kRecent] = word_of(sequence, operation, bytes);
  own().sequence = sequence;
}

std::string HostBoard::differing(const Collective& one) const {
  const uint64_t word = word_of(one.sequence, one.operation, one.bytes);
  std::string text;
  for (int i = 0; i < size_; ++i) {
    const uint64_t other = entries_[i].recent[one.sequence % BoardEntry::kRecent];
    if (sequence_of(other) != sequence_of(word) || other == word) continue;
    text += (text.empty() ? "" : ", ") + std::string("rank ") +
            std::to_string(entries_[i].rank - 1) +
            (operation_of(other) == one.operation
                 ? " entered one of another size"
                 : std::string(" entered ") + name_of(operation_of(other)));
  }
  return text;
}

std::string HostBoard::late(int64_t sequence) const {
  std::string text;
  for (int i = 0; i < size_; ++i) {
    const BoardEntry& other = entries_[i];
    if (i == own_ || other.sequence >= sequence) continue;
    text += (text.empty() ? "" : ", ") + std::string("rank ") + std::to_string(other.rank - 1) +
            (is_gone(other.process) ? " (its process is gone)"
                                    : " (at #" + std::to_string(other.sequence) + ")");
  }
  return text;
}

bool HostBoard::is_any_expired() const {
  return std::any_of(entries_, entries_ + size_,
                     [](const BoardEntry& entry) { return entry.expired != 0; });
}

}  // namespace bbg::comm
