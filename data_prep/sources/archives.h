#pragma once
// Which tar archives an input names, and what a first look into them tells.

#include <string>
#include <string_view>
#include <vector>

namespace bbg::data_prep {

// One archive, told by its name or its first header; the *.tar of a folder that has neither images
// nor sub-folders, in order; or a list with commas, in order of their names. Empty: the input is
// none of that.
std::vector<std::string> archives_of(const std::string& input);

// For people: "train.tar", "shards (12 archives)", "a.tar and 2 more".
std::string archives_text(const std::string& input, const std::vector<std::string>& paths);

// Both only look at the beginning of the first archive.
bool looks_like_webdataset(const std::string& input);  // an image, and a .cls or .json of its key
bool looks_like_tar(const std::string& input);         // any other archive

// A file's name in its key and its end: "a/0001" and "seg.png" of "a/0001.seg.png".
struct SampleName {
  std::string_view key, end;
  // Whether the end is one of images alone: "seg.png" is a mask.
  bool is_image() const;
};
SampleName split_sample_name(std::string_view name);

}  // namespace bbg::data_prep
