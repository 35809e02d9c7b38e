#pragma once
// A list file of labels: of images by name, or of all images in their order.

#include <cstdint>
#include <string>
#include <vector>

#include "data_prep/sources/left_out.h"
#include "data_prep/sources/name_list.h"

namespace bbg::data_prep {

struct LabelFile {
  std::string path;
  NameList names;              // those of images; empty where the file has labels alone
  NameList labels;             // as they stand: a number, the name of a class
  std::vector<int64_t> lines;  // one a label: its line, counted from 1
};

// Lines are "name label", separated by a tab, a comma or blanks, which the first line decides. A
// name or label with the separator in it stands in quotation marks. A first line that is a heading
// ("ImageId,PredictionString") is passed over, and below PredictionString the first word is the
// label. Lines of one word are labels alone. UsageError for any other line.
LabelFile read_label_file(const std::string& path);

// The text of each image's label. A line names an image by its path, with or without its end, or by
// the last part of the path. Lines that no image has are counted in `left_out`. UsageError where an
// image has no line, where one line has several images, and where labels alone are not as many as
// the images.
NameList labels_of(const NameList& images, const LabelFile& file, LeftOut& left_out);

// One name a line, without blanks at either end; empty lines at the end are passed over.
std::vector<std::string> read_lines(const std::string& path);

}  // namespace bbg::data_prep
