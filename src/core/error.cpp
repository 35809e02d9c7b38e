#include "core/error.h"

#include <cerrno>
#include <cstring>

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
  return SystemError({.call = call, .object = object, .cause = std::strerror(code), .code = code});
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
