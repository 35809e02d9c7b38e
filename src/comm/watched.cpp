#include "comm/watched.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "comm/collectives_file.h"
#include "core/error.h"

namespace bbg::comm {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void print_and_leave(const std::string& message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::fflush(stderr);
  ::_exit(core::kExitRestart);
}

WatchdogOptions with_defaults(WatchdogOptions options, int size) {
  if (!options.on_expire) options.on_expire = print_and_leave;
  if (options.members.empty()) {
    options.members.resize(static_cast<size_t>(size));
    std::iota(options.members.begin(), options.members.end(), 0);
  }
  return options;
}

}  // namespace

Watched::Watched(int rank, int size, HostBoard board, WatchdogOptions options)
    : rank_(rank),
      size_(size),
      options_(with_defaults(std::move(options), size)),
      message_(rank, size, options_),
      board_(std::move(board)) {}

int64_t Watched::enter(Operation operation, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  const int64_t sequence = board_.sequence() + 1;
  record_.enter(sequence, operation, bytes);
  board_.enter(sequence, operation, bytes);
  const std::string differing = board_.differing(record_.newest());
  if (differing.empty()) return sequence;
  record_.give_up_newest();
  const std::string where = write_dump();
  throw core::SystemError({.call = message_.head(record_.newest()),
                           .object = "",
                           .cause = "the ranks are out of order: " + differing + "." + where,
                           .restart_can_help = true,
                           .rank = rank_});
}

void Watched::leave(int64_t sequence) {
  const std::lock_guard lock(mutex_);
  record_.leave(sequence);
}

void Watched::fail(const std::string& message) {
  Lock lock(mutex_);
  if (is_stopped_ || is_expired_) return;
  end_process(message_.rank() + ": " + message, lock);
}

std::string Watched::newest() const {
  const std::lock_guard lock(mutex_);
  return record_.is_empty() ? "" : record_.newest().title();
}

std::string Watched::dump() const {
  const std::lock_guard lock(mutex_);
  return dump_text();
}

int64_t Watched::begin_wait(const std::string& what) {
  const std::lock_guard lock(mutex_);
  waits_.emplace(next_wait_, std::pair(what, Clock::now()));
  return next_wait_++;
}

void Watched::end_wait(int64_t number) {
  const std::lock_guard lock(mutex_);
  waits_.erase(number);
}

void Watched::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
}

bool Watched::is_over() const {
  const std::lock_guard lock(mutex_);
  return is_stopped_ || is_expired_;
}

void Watched::check_deadlines() {
  Lock lock(mutex_);
  if (is_stopped_ || is_expired_) return;
  if (const std::string text = expired_wait(); !text.empty()) {
    end_process(text, lock);
  } else if (has_waited(options_.deadline_ms)) {
    end_process(message_.of_oldest(record_, board_), lock);
  } else if (board_.is_any_expired()) {
    // This rank may be the late one, and has something to tell too; the expired one ends the job.
    is_expired_ = true;
    write_dump();
  } else if (board_.size() < size_ && has_waited(options_.deadline_ms / 2) &&
             announced_ < record_.oldest_under_way().sequence) {
    announced_ = record_.oldest_under_way().sequence;
    write_dump();
  }
}

bool Watched::has_waited(int64_t limit_ms) const {
  return record_.is_under_way() && Clock::now() - record_.waits_since() >= milliseconds(limit_ms);
}

// The oldest of this rank's own waits, where it has passed the deadline; else empty.
std::string Watched::expired_wait() const {
  for (const auto& [number, wait] : waits_) {
    const auto& [what, since] = wait;
    if (Clock::now() - since >= milliseconds(options_.deadline_ms)) {
      return message_.of_own_wait(what, since);
    }
  }
  return "";
}

std::string Watched::dump_text() const {
  return nlohmann::ordered_json{{"rank", rank_},
                                {"size", size_},
                                {"job", options_.job},
                                {"deadline_ms", options_.deadline_ms},
                                {"collectives", record_.list()}}
      .dump(1);
}

// Best effort: the process is about to end, and the disk may be what hangs.
std::string Watched::write_dump() const {
  if (options_.dump_folder.empty()) return "";
  const std::string path = collectives_path(options_.dump_folder, rank_, options_.purpose);
  const auto answer = within(kFilesLimitMs, [path, text = dump_text()] {
    return write_collectives(path, text) ? " This rank's last collectives: " + path : std::string();
  });
  return answer.value_or("");
}

void Watched::end_process(const std::string& cause, Lock& lock) {
  is_expired_ = true;
  board_.set_expired();
  const std::string message =
      cause +
      ". The job ends with exit code 75; starting it again resumes from the newest checkpoint." +
      write_dump();
  lock.unlock();
  // Time for the neighbours to write theirs: the launcher ends them when the first has left.
  if (!options_.dump_folder.empty()) std::this_thread::sleep_for(milliseconds(1500));
  options_.on_expire(message);
  lock.lock();
}

}  // namespace bbg::comm
