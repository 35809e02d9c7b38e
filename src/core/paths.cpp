#include "core/paths.h"

#include <algorithm>
#include <filesystem>

namespace bbg::core {

namespace {

constexpr size_t kDigits = 8;
constexpr size_t kMostDigits = 18;  // any number of so many fits into int64_t

}  // namespace

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string numbered(std::string_view prefix, int64_t number) {
  const std::string digits = std::to_string(number);
  const size_t zeros = digits.size() < kDigits ? kDigits - digits.size() : 0;
  return std::string(prefix) + std::string(zeros, '0') + digits;
}

std::optional<int64_t> number_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string digits(name.substr(prefix.size()));
  const bool is_number =
      digits.size() >= kDigits && digits.size() <= kMostDigits &&
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return std::nullopt;
  return std::stoll(digits);
}

std::string partial_path(const std::string& path) { return path + std::string(kPartialSuffix); }

bool is_partial(std::string_view name) { return name.ends_with(kPartialSuffix); }

}  // namespace bbg::core
