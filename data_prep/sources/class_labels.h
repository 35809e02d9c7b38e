#pragma once
// The classes of images that are files: by sub-folder, or by a file of labels. How texts of labels
// become numbers.

#include <cstdint>
#include <string>
#include <vector>

#include "data_prep/sources/left_out.h"
#include "data_prep/sources/name_list.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

struct ClassLabels {
  std::vector<int32_t> labels;  // one an image; empty: there are none
  std::vector<std::string> class_names;
};

// A number from here on is a mistake in the file: no data set has so many classes.
inline constexpr int64_t kMostClasses = 1'000'000;

// `images` are in order; `folders` are the sub-folders of the root in order, empty ones too, which
// are the classes unless the request has a file of labels. An empty class keeps its number:
// training and test folders may differ in what they hold. UsageError where that does not fit
// together.
ClassLabels label_images(const NameList& images, const std::vector<std::string>& folders,
                         const SourceRequest& request, LeftOut& left_out);

// Texts, one an image, become numbers. `all` are those of the same file that no image has, too.
// With request.classes they are names of that file, or numbers of its lines from 0; with
// request.synsets, WordNet ids of that file, or numbers of its lines from 1, and the classes are
// those ids in order. Else numbers are themselves, and names become numbers in the order of all.
// `origin` is where the texts stand, for messages.
ClassLabels number_labels(const NameList& texts, const NameList& all, const SourceRequest& request,
                          const std::string& origin);

// The names of `count` classes that have numbers only: of request.classes, which must be as many or
// more, or the numbers.
std::vector<std::string> names_of_numbers(int64_t count, const SourceRequest& request,
                                          const std::string& origin);

}  // namespace bbg::data_prep
