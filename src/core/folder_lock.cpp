#include "core/folder_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/file_system.h"
#include "core/hash.h"
#include "core/host_name.h"
#include "core/unique_handle.h"

namespace bbg::core {

namespace {

constexpr const char* kName = ".owner.json";

// Process ids mean something only inside one process namespace of one start of one kernel.
std::string machine() {
  std::string boot = try_read("/proc/sys/kernel/random/boot_id").value_or("");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  char space[64] = {};
  if (::readlink("/proc/self/ns/pid", space, sizeof space - 1) < 0) space[0] = '\0';
  return host_name() + " " + boot + " " + space;
}

struct Process {
  std::string state, start;  // start: clock ticks since the machine's
};

// Nothing where /proc does not show it.
std::optional<Process> process(int64_t pid) {
  const std::string text = try_read("/proc/" + std::to_string(pid) + "/stat").value_or("");
  const size_t name_end = text.rfind(')');  // the program's name may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(name_end + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  constexpr size_t kStart = 19;  // field 22 of proc(5); the state is field 3
  if (fields.size() <= kStart) return std::nullopt;
  return Process{.state = fields[0], .start = fields[kStart]};
}

bool runs_here(int64_t pid, const std::string& start) {
  if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return false;
  const std::optional<Process> found = process(pid);
  if (!found) return true;  // another user's, in a /proc that hides those
  return found->state != "Z" && found->state != "X" && found->start == start;
}

// The text that an owner writes; no two are equal.
std::string own_record(const std::string& purpose) {
  const auto self = process(::getpid());
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char since[64];
  std::strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S %z", &parts);
  const char* const job = std::getenv("SLURM_JOB_ID");
  std::random_device random;
  const nlohmann::ordered_json json = {
      {"purpose", purpose},   {"host", host_name()},
      {"pid", ::getpid()},    {"start", self ? self->start : ""},
      {"machine", machine()}, {"job", job != nullptr ? job : ""},
      {"since", since},       {"nonce", hex(uint64_t{random()} << 32 | random())}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

double seconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The record of an owner, and when it was last touched.
struct Record {
  std::string content;
  double touched_s = 0;
  nlohmann::json json;

  std::string text(const char* key) const {
    return json.is_object() && json.contains(key) && json[key].is_string()
               ? json[key].get<std::string>()
               : "";
  }
  int64_t pid() const {
    return json.is_object() && json.contains("pid") && json["pid"].is_number_integer()
               ? json["pid"].get<int64_t>()
               : 0;
  }
  std::string who() const {
    if (pid() <= 0) return "an owner that cannot be read";
    const std::string job = text("job").empty() ? "" : " (job " + text("job") + ")";
    return text("purpose") + ", process " + std::to_string(pid()) + " on " + text("host") + job +
           ", since " + text("since");
  }
};

// Nothing if the file does not exist. Opening it makes a network file system ask its server, which
// a look at the path alone does not.
std::optional<Record> read_record(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) throw posix_error("open", path);
  Record record;
  struct stat status {};
  char buffer[4096];
  ssize_t count = ::fstat(file.get(), &status);
  while (count >= 0 && (count = ::read(file.get(), buffer, sizeof buffer)) > 0) {
    record.content.append(buffer, static_cast<size_t>(count));
  }
  if (count < 0 && errno == ESTALE) return std::nullopt;  // removed while it was open
  if (count < 0) throw posix_error("read", path);
  record.touched_s = seconds(status.st_mtim);
  record.json = nlohmann::json::parse(record.content, nullptr, false);
  return record;
}

void write_new(const std::string& path, const std::string& content) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) throw posix_error("open for writing", path);
  const ssize_t written = ::write(file.get(), content.data(), content.size());
  const bool is_whole = written == static_cast<ssize_t>(content.size()) && ::fsync(file.get()) == 0;
  if (!is_whole) {
    if (written >= 0 && written < static_cast<ssize_t>(content.size())) errno = ENOSPC;
    const SystemError error = posix_error("write", path);
    ::unlink(path.c_str());
    throw error;
  }
}

}  // namespace

struct FolderLock::State {
  State(const std::string& in, const std::string& purpose, Timing times)
      : folder(in),
        path(in + "/" + kName),
        content(own_record(purpose)),
        aside(path + "." + hex(digest(content))),
        timing(times) {}

  // The names of what competing takers make carry the digest of a record, which no two share.
  static uint64_t digest(const std::string& text) { return hash64(std::as_bytes(std::span(text))); }
  std::string claim_on(const std::string& record) const {
    return path + ".after-" + hex(digest(record));
  }

  void acquire();
  bool make(const std::string& name) const;
  bool is_dead(const Record& record) const;
  bool shows_life(const Record& owner) const;
  double now_s() const;
  [[noreturn]] void refuse(const Record& owner) const;
  bool take_over(const Record& owner);
  void beat();
  void start_heartbeat();
  void release();

  const std::string folder, path, content, aside;
  const Timing timing;
  std::string taken_over;
  std::mutex mutex;  // guards lost_to
  std::string lost_to;
  std::condition_variable_any wake;
  std::jthread heartbeat;
};

// Makes the file `name` with our record; false if it exists. A link is exclusive on network file
// systems of every age, and shows a whole file; its answer may be lost there, the count of links
// is not.
bool FolderLock::State::make(const std::string& name) const {
  if (::link(aside.c_str(), name.c_str()) == 0) return true;
  const int code = errno;
  struct stat status {};
  if (::stat(aside.c_str(), &status) == 0 && status.st_nlink > 1) {
    const auto record = read_record(name);
    if (record && record->content == content) return true;
  }
  if (code == EEXIST) return false;
  if (code == EPERM || code == EOPNOTSUPP || code == ENOSYS) {  // a file system without links
    try {
      write_new(name, content);
      return true;
    } catch (const SystemError& error) {
      if (error.details().code == EEXIST) return false;
      throw;
    }
  }
  errno = code;
  throw posix_error("link", name);
}

// The time on the clock that stamps the files of this folder.
double FolderLock::State::now_s() const {
  if (::utimensat(AT_FDCWD, aside.c_str(), nullptr, 0) != 0) throw posix_error("utimensat", aside);
  const auto record = read_record(aside);
  BBG_CHECK(record, "a file of our own name is gone");
  return record->touched_s;
}

bool FolderLock::State::is_dead(const Record& record) const {
  if (record.pid() > 0 && record.text("machine") == machine()) {
    return !runs_here(record.pid(), record.text("start"));
  }
  return now_s() - record.touched_s > std::chrono::duration<double>(timing.dead_after).count();
}

// False: it is dead, or gone, or another took its place.
bool FolderLock::State::shows_life(const Record& owner) const {
  using std::chrono::milliseconds;
  if (owner.text("machine") == machine()) return true;
  const milliseconds pause = std::clamp(timing.beat / 10, milliseconds(1), milliseconds(1000));
  const auto end = std::chrono::steady_clock::now() + timing.patience;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(pause);
    const auto now = read_record(path);
    if (!now || now->content != owner.content || is_dead(*now)) return false;
    if (now->touched_s > owner.touched_s) return true;
  }
  return true;
}

void FolderLock::State::refuse(const Record& owner) const {
  std::string hint = "wait for it or end it; if you know that it is gone, remove " + path;
  if (owner.text("machine") != machine()) {
    hint += " (it counts as gone " + std::to_string(timing.dead_after.count() / 1000) +
            " s after its last sign of life)";
  }
  throw UsageError(folder + " is in use by " + owner.who(), hint);
}

// Puts our record in the place of a dead owner's. Among several takers the one that makes the claim
// named for that owner's record may do so. A taker that died on the way leaves its claim, and is
// followed by a claim on its own record.
bool FolderLock::State::take_over(const Record& owner) {
  std::vector<std::string> claims = {claim_on(owner.content)};
  while (!make(claims.back())) {
    const auto claimant = read_record(claims.back());
    if (!claimant) return false;  // it has just come to its end
    if (!is_dead(*claimant)) refuse(*claimant);
    claims.push_back(claim_on(claimant->content));
  }
  const auto still = read_record(path);
  // An earlier taker may have come to its end and removed the claim that we made anew.
  if (!still || still->content != owner.content) {
    ::unlink(claims.back().c_str());
    return false;
  }
  if (::rename(aside.c_str(), path.c_str()) != 0) {
    const SystemError error = posix_error("rename", aside + " to " + path);
    ::unlink(claims.back().c_str());
    throw error;
  }
  for (const std::string& claim : claims) ::unlink(claim.c_str());
  taken_over = "took " + folder + " over from " + owner.who() + ", which is gone";
  return true;
}

void FolderLock::State::acquire() {
  constexpr int kTries = 100;
  write_new(aside, content);
  const std::unique_ptr<const std::string, void (*)(const std::string*)> cleared(
      &aside, [](const std::string* name) { ::unlink(name->c_str()); });
  for (int i = 0; i < kTries; ++i) {
    if (make(path)) return;
    const auto owner = read_record(path);
    if (!owner) continue;  // it has just left
    if (is_dead(*owner)) {
      if (take_over(*owner)) return;
    } else if (shows_life(*owner)) {
      refuse(*owner);
    }
  }
  throw SystemError({.call = "link", .object = path, .cause = "it exists, but cannot be opened"});
}

// A failure of the file system passes: the next beat may come through.
void FolderLock::State::beat() {
  try {
    const auto owner = read_record(path);
    if (owner && owner->content == content) {
      ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
      return;
    }
    const std::scoped_lock guard(mutex);
    lost_to = owner ? owner->who() + " took it over" : path + " was removed";
  } catch (const SystemError&) {
  }
}

// Signals stay with the threads that were there before.
void FolderLock::State::start_heartbeat() {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  heartbeat = std::jthread([this](const std::stop_token& end) {
    std::unique_lock guard(mutex);
    while (!wake.wait_for(guard, end, timing.beat, [&] { return end.stop_requested(); })) {
      guard.unlock();
      beat();
      guard.lock();
    }
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Claims its own record first, so that no taker is between its look and its rename. On a full disk
// that fails; then the look alone has to do.
void FolderLock::State::release() {
  const std::string claim = claim_on(content);
  try {
    write_new(claim, content + "\n");  // a record that differs from the one which it is a claim on
  } catch (const SystemError& error) {
    if (error.details().code == EEXIST) return;
  }
  try {
    const auto owner = read_record(path);
    if (owner && owner->content == content) ::unlink(path.c_str());
  } catch (const SystemError&) {  // then it is left to be taken over
  }
  ::unlink(claim.c_str());
}

FolderLock::FolderLock(const std::string& folder, const std::string& purpose)
    : FolderLock(folder, purpose, Timing{}) {}

FolderLock::FolderLock(const std::string& folder, const std::string& purpose, Timing timing)
    : state_(std::make_unique<State>(folder, purpose, timing)) {
  state_->acquire();
  state_->start_heartbeat();
}

FolderLock::~FolderLock() {
  state_->heartbeat = {};
  state_->release();
}

const std::string& FolderLock::taken_over() const { return state_->taken_over; }

void FolderLock::check() const {
  const std::scoped_lock guard(state_->mutex);
  if (state_->lost_to.empty()) return;
  throw SystemError({.call = "keeping the folder for this process",
                     .object = state_->folder,
                     .cause = state_->lost_to});
}

}  // namespace bbg::core
