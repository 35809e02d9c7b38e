#pragma once
// Files beside the images of a source: which they are, how they are counted, how that is told.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace bbg::data_prep {

// How many of each kind: ".gif", "hidden folder", "broken link".
using LeftOut = std::map<std::string, int64_t>;
std::string left_out_text(const LeftOut& left_out);  // one line, the most frequent kinds first

// The kind by which a folder of this name (no path) is left out, with all that it holds: "hidden
// folder", "system folder". Empty: it is not.
std::string kind_of_folder(std::string_view name);

// The same for a file: "hidden file", "system file", else its end, as ".gif", or "file without
// extension". Empty for an image. Images are told by their ends: .jpg, .jpeg, .png and .webp, in
// any case.
std::string kind_of_file(std::string_view name);

inline constexpr const char* kImageEndings = ".jpg, .jpeg, .png or .webp";  // for messages

}  // namespace bbg::data_prep
