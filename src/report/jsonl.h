#pragma once
// metrics.jsonl: one JSON object per interval and line, in the order step, images, seconds,
// images_per_second, data_seconds, then the interval's values and those that more() adds. Numbers
// read back to the same bits; what is not finite is null. Where a run goes on with other options, a
// line
// {"step": of the checkpoint, "changed": {key: {"before": text, "after": text}}} says so. A line is
// with the operating system before the call returns, so only a crash of the machine can lose it.

#include <cstdint>
#include <memory>
#include <string>

#include "core/file_system.h"
#include "report/sink.h"

namespace bbg::report {

// Appends to the file at `path` (made if absent) after cutting it behind the last line of a step
// <= resume_step: what follows will be run again, and a kill may have torn the last line.
std::unique_ptr<Sink> make_jsonl_sink(const std::string& path, int64_t resume_step);

// Whether the file at `path` has values of an evaluation ("eval.*") in the line of this step.
bool is_evaluated(core::FileSystem& files, const std::string& path, int64_t step);

// The text of one line, without its end.
std::string to_json_line(const Interval& interval);
std::string to_json_line(int64_t step, const std::vector<OptionChange>& changes);

}  // namespace bbg::report
