#include "core/error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/open_files.h"

namespace bbg::core {

namespace {

std::string describe(const SystemError::Details& details) {
  std::string text = details.call + " failed";
  if (!details.object.empty()) text += " for " + details.object;
  if (!details.cause.empty()) text += ": " + details.cause;
  if (details.code != 0) text += " (code " + std::to_string(details.code) + ")";
  if (details.rank >= 0) text += " on rank " + std::to_string(details.rank);
  return text;
}

}  // namespace

UsageError::UsageError(const std::string& what, const std::string& hint)
    : std::runtime_error(what), hint_(hint) {}

SystemError::SystemError(Details details)
    : std::runtime_error(describe(details)), details_(std::move(details)) {}

SystemError posix_error(const std::string& call, const std::string& object) {
  const int code = errno;
  return SystemError({.call = call, .object = object, .cause = text_of_errno(code), .code = code});
}

SystemError reading_error(const std::string& call, const std::string& object) {
  SystemError::Details details = posix_error(call, object).details();
  details.restart_can_help = reading_may_succeed_later(details.code);
  return SystemError(details);
}

std::string text_of_errno(int code) {
  std::string text = std::strerror(code);
  if (code == EMFILE) {
    text += "; this process may have " + std::to_string(open_file_limit()) +
            " at a time, which `ulimit -n` raises up to `ulimit -Hn`";
  }
  return text;
}

bool reading_may_succeed_later(int code) {
  constexpr std::array kCodes = {EIO,          ESTALE,    ETIMEDOUT,   EREMOTEIO, EHOSTDOWN,
                                 EHOSTUNREACH, ENETDOWN,  ENETUNREACH, ENOTCONN,  ECONNRESET,
                                 ECONNABORTED, ESHUTDOWN, EAGAIN};
  return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

void check_failed(const char* condition, const std::string& what, const char* file, int line) {
  throw InternalError(what + " (" + condition + " does not hold at " + file + ":" +
                      std::to_string(line) + "); this is a bug of bbg_dist, please report it");
}

int exit_code_of(const std::exception& error) {
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return kExitUsage;
  if (const auto* system = dynamic_cast<const SystemError*>(&error)) {
    return system->details().restart_can_help ? kExitRestart : kExitFailure;
  }
  if (dynamic_cast<const InternalError*>(&error) != nullptr) return kExitBug;
  return kExitFailure;
}

std::string message_of(const std::exception& error) {
  std::string text = error.what();
  // libtorch puts a backtrace behind its message, which says nothing to a user.
  text = text.substr(0, text.find("\nException raised from "));
  if (const auto* usage = dynamic_cast<const UsageError*>(&error)) {
    if (!usage->hint().empty()) text += "\n  hint: " + usage->hint();
  }
  return text;
}

}  // namespace bbg::core
