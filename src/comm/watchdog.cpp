#include "comm/watchdog.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>
#include <vector>

#include "comm/collectives_file.h"
#include "core/error.h"

namespace bbg::comm {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kNames[] = {"all_reduce", "broadcast",       "all_gather", "reduce_scatter",
                                  "barrier",    "all_gather_text", "agree"};
constexpr size_t kRemembered = 512;
// For writing and reading small files when the job is about to end.
constexpr int64_t kFilesLimitMs = 5000;

struct Record {
  int64_t sequence;
  Operation operation;
  int64_t bytes;
  Clock::time_point entered;
  Clock::time_point left;  // before `entered`: under way
};

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Sequence (32 bits), operation (4) and a digest of the bytes (28) in one word, which is never
// torn. 0 is no entry: sequences begin with 1.
uint64_t word_of(int64_t sequence, Operation operation, int64_t bytes) {
  const uint64_t digest = static_cast<uint64_t>(bytes) * 0x9e3779b97f4a7c15 >> 36;
  return static_cast<uint64_t>(sequence) << 32 | static_cast<uint64_t>(operation) << 28 | digest;
}
Operation operation_of(uint64_t word) { return static_cast<Operation>(word >> 28 & 0xf); }

void print_and_leave(const std::string& message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::fflush(stderr);
  ::_exit(core::kExitRestart);
}

}  // namespace

const char* name_of(Operation operation) { return kNames[static_cast<size_t>(operation)]; }

struct Watchdog::State {
  int rank, size;
  BoardEntry* board;
  int local_size, own;
  WatchdogOptions options;

  Clock::time_point start = Clock::now();
  std::mutex mutex;
  std::condition_variable wake;
  bool stop = false;
  std::vector<Record> records;  // a ring: the newest of sequence s at s % kRemembered
  std::deque<Record> open;      // those under way, oldest first
  Clock::time_point last_left = start;
  bool is_expired = false;
  int64_t announced = 0;  // the newest collective that other hosts have been told of
  // Waits of this rank alone, by number: what for, since when.
  std::map<int64_t, std::pair<std::string, Clock::time_point>> waits;
  int64_t next_wait = 0;
  std::thread thread;

  std::function<void()> poll;
  std::mutex poll_mutex;  // held while it runs
  std::thread poller;
  // Under `mutex`: looks that were asked for, and that have come back.
  int64_t looks_wanted = 0, looks_done = 0;
  std::condition_variable look_wanted, look_done;

  BoardEntry& entry() { return board[own]; }
  const Record& newest() const {
    return records[static_cast<size_t>(board[own].sequence) % kRemembered];
  }

  void enter(Operation operation, int64_t bytes) {
    const int64_t sequence = entry().sequence + 1;
    const size_t place = static_cast<size_t>(sequence) % kRemembered;
    if (records.size() <= place) records.resize(place + 1);
    const Clock::time_point now = Clock::now();
    records[place] = {sequence, operation, bytes, now, now - Clock::duration(1)};
    open.push_back(records[place]);
    entry().recent[sequence % BoardEntry::kRecent] = word_of(sequence, operation, bytes);
    entry().sequence = sequence;
  }

  void leave(int64_t sequence) {
    last_left = Clock::now();
    Record& record = records[static_cast<size_t>(sequence) % kRemembered];
    if (record.sequence == sequence) record.left = last_left;
    std::erase_if(open, [&](const Record& one) { return one.sequence == sequence; });
  }

  // What ranks of this host entered under the number of the newest, where it is something else;
  // else empty.
  std::string differing() const {
    const Record& own_record = newest();
    const uint64_t word = word_of(own_record.sequence, own_record.operation, own_record.bytes);
    std::string text;
    for (int i = 0; i < local_size; ++i) {
      const uint64_t other = board[i].recent[own_record.sequence % BoardEntry::kRecent];
      if (other >> 32 != word >> 32 || other == word) continue;
      text += (text.empty() ? "" : ", ") + std::string("rank ") +
              std::to_string(board[i].rank - 1) +
              (operation_of(other) == own_record.operation
                   ? " entered one of another size"
                   : std::string(" entered ") + name_of(operation_of(other)));
    }
    return text;
  }

  // Operation and number.
  static std::string title(const Record& record) {
    return std::string(name_of(record.operation)) + " #" + std::to_string(record.sequence);
  }

  std::string head(const Record& record) const {
    std::string text = "rank " + std::to_string(rank) + ": " + title(record);
    if (!options.purpose.empty()) text += " of " + options.purpose;
    if (record.bytes >= 0) text += " (" + std::to_string(record.bytes) + " bytes)";
    return text;
  }

  std::string passed(Clock::time_point since) const {
    char text[120];
    std::snprintf(text, sizeof text, " %.1f s, the deadline is %lld ms (comm.deadline-ms)",
                  seconds_between(since, Clock::now()),
                  static_cast<long long>(options.deadline_ms));
    return text;
  }

  std::string describe() const {
    const Record& waiting = open.front();
    const int64_t sequence = waiting.sequence;
    std::string late;
    for (int i = 0; i < local_size; ++i) {
      const BoardEntry& other = board[i];
      if (i == own || other.sequence >= sequence) continue;
      const bool dead =
          other.process > 0 && ::kill(static_cast<pid_t>(other.process), 0) != 0 && errno == ESRCH;
      late += (late.empty() ? "" : ", ") + std::string("rank ") + std::to_string(other.rank - 1) +
              (dead ? " (its process is gone)" : " (at #" + std::to_string(other.sequence) + ")");
    }
    std::string text = head(waiting) + " has waited" + passed(waits_since());
    if (!late.empty()) {
      text += "; not there yet: " + late;
    } else if (local_size < size) {
      text += "; " + other_hosts();
    } else {
      text += "; every rank has entered it, so the transfer itself hangs";
    }
    return text;
  }

  // What the ranks of other hosts have told of themselves.
  std::string other_hosts() const {
    const Record own_record = open.front();
    std::vector<int> elsewhere = options.members;
    for (int i = 0; i < local_size; ++i) std::erase(elsewhere, static_cast<int>(board[i].rank) - 1);
    const auto look = [folder = options.dump_folder, purpose = options.purpose, job = options.job,
                       own_record, elsewhere] {
      std::string late, differing;
      const auto add = [](std::string& list, int rank, const std::string& what) {
        list += (list.empty() ? "rank " : ", rank ") + std::to_string(rank) + what;
      };
      for (const int rank : elsewhere) {
        const auto peers = read_collectives(collectives_path(folder, rank, purpose), job);
        // One that is ahead has been here too.
        const auto same = std::find_if(peers.begin(), peers.end(), [&](const PeerCollective& one) {
          return one.sequence == own_record.sequence;
        });
        if (peers.empty()) {
          add(late, rank, " (on another host; it told nothing in " + folder + ")");
        } else if (peers.back().sequence < own_record.sequence) {
          add(late, rank,
              " (on another host; it told of #" + std::to_string(peers.back().sequence) + ")");
        } else if (same != peers.end() && same->operation != name_of(own_record.operation)) {
          add(differing, rank, " entered " + same->operation);
        } else if (same != peers.end() && same->bytes != own_record.bytes) {
          add(differing, rank, " entered one of another size");
        }
      }
      if (!differing.empty()) return "the ranks are out of order: " + differing;
      if (late.empty())
        return std::string("every rank has entered it, so the transfer itself hangs");
      return "not there yet: " + late;
    };
    const auto answer = options.dump_folder.empty() ? std::nullopt : within(kFilesLimitMs, look);
    return answer.value_or("every rank of this host is there, so a rank of another host is late");
  }

  std::string dump() const {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    const int64_t last = board[own].sequence;
    const int64_t first = std::max<int64_t>(1, last - static_cast<int64_t>(kRemembered) + 1);
    for (int64_t sequence = first; sequence <= last; ++sequence) {
      const Record& record = records[static_cast<size_t>(sequence) % kRemembered];
      nlohmann::ordered_json item = {{"sequence", record.sequence},
                                     {"operation", name_of(record.operation)},
                                     {"bytes", record.bytes},
                                     {"entered_s", seconds_between(start, record.entered)}};
      item["left_s"] = record.left < record.entered
                           ? nlohmann::ordered_json()
                           : nlohmann::ordered_json(seconds_between(start, record.left));
      list.push_back(item);
    }
    return nlohmann::ordered_json{{"rank", rank},
                                  {"size", size},
                                  {"job", options.job},
                                  {"deadline_ms", options.deadline_ms},
                                  {"collectives", list}}
        .dump(1);
  }

  // Best effort: the process is about to end, and the disk may be what hangs.
  std::string write_dump() const {
    if (options.dump_folder.empty()) return "";
    const std::string path = collectives_path(options.dump_folder, rank, options.purpose);
    const auto answer = within(kFilesLimitMs, [path, text = dump()] {
      return write_collectives(path, text) ? " This rank's last collectives: " + path
                                           : std::string();
    });
    return answer.value_or("");
  }

  // Since when the oldest one under way has had the device, or the host, for itself.
  Clock::time_point waits_since() const { return std::max(open.front().entered, last_left); }
  bool has_waited(int64_t milliseconds) const {
    return !open.empty() && Clock::now() - waits_since() >= std::chrono::milliseconds(milliseconds);
  }
  // A neighbour's wait has expired: this rank may be the late one and has something to tell too.
  bool is_neighbour_expired() const {
    return std::any_of(board, board + local_size,
                       [](const BoardEntry& other) { return other.expired != 0; });
  }

  // The oldest of this rank's own waits, where it has passed the deadline; else empty.
  std::string expired_wait() const {
    for (const auto& [number, wait] : waits) {
      if (Clock::now() - wait.second < std::chrono::milliseconds(options.deadline_ms)) continue;
      return "rank " + std::to_string(rank) + ": the wait for " + wait.first + " has taken" +
             passed(wait.second);
    }
    return "";
  }

  std::chrono::milliseconds interval() const {
    return std::chrono::milliseconds(std::clamp<int64_t>(options.deadline_ms / 10, 1, 1000));
  }

  void look() {
    std::unique_lock lock(mutex);
    for (;;) {
      look_wanted.wait(lock, [&] { return stop || looks_wanted > looks_done; });
      if (stop) return;
      const int64_t number = looks_wanted;
      lock.unlock();
      {
        const std::lock_guard polling(poll_mutex);
        if (poll) poll();
      }
      lock.lock();
      looks_done = number;
      look_done.notify_all();
    }
  }

  // Has the library looked at, and goes on without it where that takes too long.
  void ask_for_look(std::unique_lock<std::mutex>& lock) {
    if (!poller.joinable()) return;
    const int64_t number = ++looks_wanted;
    look_wanted.notify_all();
    look_done.wait_for(lock, interval(), [&] { return stop || looks_done >= number; });
  }

  void watch() {
    std::unique_lock lock(mutex);
    while (!stop) {
      wake.wait_for(lock, interval());
      if (stop || is_expired) continue;
      ask_for_look(lock);
      if (stop || is_expired) continue;
      if (const std::string text = expired_wait(); !text.empty()) {
        end_process(text, lock);
        continue;
      }
      if (!has_waited(options.deadline_ms)) {
        if (is_neighbour_expired()) {
          is_expired = true;
          write_dump();  // the expired one ends the job
        } else if (local_size < size && has_waited(options.deadline_ms / 2) &&
                   announced < open.front().sequence) {
          announced = open.front().sequence;
          write_dump();
        }
        continue;
      }
      end_process(describe(), lock);
    }
  }

  void end_process(const std::string& cause, std::unique_lock<std::mutex>& lock) {
    is_expired = true;
    entry().expired = 1;
    const std::string message =
        cause +
        ". The job ends with exit code 75; starting it again resumes from the newest checkpoint." +
        write_dump();
    lock.unlock();
    // Time for the neighbours to write theirs: the launcher ends them when the first has left.
    if (!options.dump_folder.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    options.on_expire(message);
    lock.lock();
  }
};

Watchdog::Watchdog(int rank, int size, BoardEntry* board, int local_size, int own,
                   WatchdogOptions options)
    : state_(new State) {
  state_->rank = rank;
  state_->size = size;
  state_->board = board;
  state_->local_size = local_size;
  state_->own = own;
  state_->options = std::move(options);
  if (!state_->options.on_expire) state_->options.on_expire = print_and_leave;
  if (state_->options.members.empty()) {
    state_->options.members.resize(static_cast<size_t>(size));
    std::iota(state_->options.members.begin(), state_->options.members.end(), 0);
  }
  board[own].rank = rank + 1;
  board[own].process = ::getpid();
  if (state_->options.deadline_ms > 0) state_->thread = std::thread([this] { state_->watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  state_->look_wanted.notify_all();
  state_->look_done.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
  if (state_->poller.joinable()) state_->poller.join();
}

int64_t Watchdog::sequence() const { return state_->board[state_->own].sequence; }

std::string Watchdog::newest() const {
  const std::lock_guard lock(state_->mutex);
  return sequence() > 0 ? State::title(state_->newest()) : "";
}

std::string Watchdog::dump() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dump();
}

int64_t Watchdog::enter(Operation operation, int64_t bytes) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  state.enter(operation, bytes);
  const int64_t sequence = state.newest().sequence;
  const std::string differing = state.differing();
  if (differing.empty()) return sequence;
  state.open.pop_back();  // nobody waits for it, and it is never left
  const std::string where = state.write_dump();
  throw core::SystemError({.call = state.head(state.newest()),
                           .object = "",
                           .cause = "the ranks are out of order: " + differing + "." + where,
                           .restart_can_help = true,
                           .rank = state.rank});
}

void Watchdog::leave(int64_t sequence) {
  const std::lock_guard lock(state_->mutex);
  state_->leave(sequence);
}

void Watchdog::set_poll(std::function<void()> poll) {
  {
    const std::lock_guard lock(state_->poll_mutex);
    state_->poll = std::move(poll);
  }
  const std::lock_guard lock(state_->mutex);
  const bool is_needed = state_->thread.joinable() && !state_->poller.joinable();
  if (is_needed) state_->poller = std::thread([this] { state_->look(); });
}

void Watchdog::fail(const std::string& message) {
  std::unique_lock lock(state_->mutex);
  if (state_->is_expired) return;
  state_->end_process("rank " + std::to_string(state_->rank) + ": " + message, lock);
}

Watchdog::Guard::Guard(Watchdog& watchdog, Operation operation, int64_t bytes)
    : watchdog_(watchdog), sequence_(watchdog.enter(operation, bytes)) {}

Watchdog::Guard::~Guard() { watchdog_.leave(sequence_); }

Watchdog::Wait::Wait(Watchdog* watchdog, const std::string& what) : watchdog_(watchdog) {
  if (watchdog_ == nullptr) return;
  State& state = *watchdog_->state_;
  const std::lock_guard lock(state.mutex);
  number_ = state.next_wait++;
  state.waits.emplace(number_, std::pair(what, Clock::now()));
}

Watchdog::Wait::~Wait() {
  if (watchdog_ == nullptr) return;
  const std::lock_guard lock(watchdog_->state_->mutex);
  watchdog_->state_->waits.erase(number_);
}

}  // namespace bbg::comm
