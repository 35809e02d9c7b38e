#pragma once
// Names of files and folders, as text: nothing here looks at the disk.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bbg::core {

// "runs/a/best.png" -> "runs/a"; "best.png" -> ".".
std::string folder_of(const std::string& path);

// ("step-", 12) -> "step-00000012": at least eight digits, so that names sort as their numbers do.
std::string numbered(std::string_view prefix, int64_t number);
// Its inverse; none for any other name.
std::optional<int64_t> number_of(std::string_view name, std::string_view prefix);

// Ends the name of a file or folder that is being written.
inline constexpr std::string_view kPartialSuffix = ".partial";
// The name under which `path` is written before it gets its own (publish() in core/file_system.h).
std::string partial_path(const std::string& path);
bool is_partial(std::string_view name);

}  // namespace bbg::core
