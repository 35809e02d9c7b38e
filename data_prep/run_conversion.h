#pragma once
// A conversion from a source to data sets, from end to end: one process owns the output folder, all
// processes of the job make its shards, the report is printed. What was done before is kept.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "data_prep/conversion/plan.h"
#include "data_prep/conversion/recipe.h"
#include "data_prep/sources/image_source.h"

namespace bbg::data_prep {

struct ConversionRequest {
  std::string input;  // for messages
  std::string output;
  // Called in every process. `index_path`: see SourceRequest; empty with dry_run.
  std::function<std::unique_ptr<ImageSource>(const std::string& index_path)> open;
  std::function<Recipe(const ImageSource&)> recipe;
  std::function<PlanOptions(const ImageSource&)> plan;
  std::function<void(const ImageSource&)> when_opened = {};  // in one process, for warnings
  int64_t threads = 0;                                       // 0: those of the binding
  std::string max_bad = "0";  // images that may be bad: a number, or a share as 0.1%
  bool force = false, dry_run = false, json = false;
};

// UsageError and SystemError as everywhere; whole shards stay on the disk.
void run_conversion(const ConversionRequest& request);

}  // namespace bbg::data_prep
