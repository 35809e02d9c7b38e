#pragma once
// The three kinds of failure and what the process exits with. Every module throws one of these;
// only main catches last.

#include <stdexcept>
#include <string>

namespace bbg::core {

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;   // a foreign call failed and a restart cannot help
inline constexpr int kExitUsage = 2;     // the user can fix it
inline constexpr int kExitBug = 70;      // an invariant of ours does not hold
inline constexpr int kExitRestart = 75;  // failed, but starting the same command again can succeed

// Something the user can fix: a key, a path, a file's content. `hint` says how, in one sentence.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& what, const std::string& hint = "");
  const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

// A foreign call failed: MPI, NCCL, CUDA, HDF5 or the operating system.
class SystemError : public std::runtime_error {
 public:
  struct Details {
    std::string call;    // e.g. "MPI_Allreduce", "pread"
    std::string object;  // the thing it was done to: a path, an operation
    std::string cause;   // the library's own text
    int code = 0;
    bool restart_can_help = false;
    int rank = -1;  // -1: not known to belong to one rank
  };
  explicit SystemError(Details details);
  const Details& details() const { return details_; }

 private:
  Details details_;
};

// SystemError for a failed POSIX call, with errno's text.
[[nodiscard]] SystemError posix_error(const std::string& call, const std::string& object);
// The same for a call that reads: a restart can help where the disk may come back.
[[nodiscard]] SystemError reading_error(const std::string& call, const std::string& object);

// For libraries that tell an errno: its text, with the limit if too many files are open; and
// whether reading again may succeed, since the disk is remote or was away.
std::string text_of_errno(int code);
bool reading_may_succeed_later(int code);

// A bug of ours.
class InternalError : public std::logic_error {
  using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(const char* condition, const std::string& what, const char* file,
                               int line);

// Exit code and the line(s) to show for a caught exception.
int exit_code_of(const std::exception& error);
std::string message_of(const std::exception& error);

}  // namespace bbg::core

// A condition that only a bug of ours can break; checked in every build. Never for user input or
// the network.
#define BBG_CHECK(condition, what)                                       \
  do {                                                                   \
    if (!(condition)) {                                                  \
      ::bbg::core::check_failed(#condition, (what), __FILE__, __LINE__); \
    }                                                                    \
  } while (false)
