#include "report/jsonl.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "core/file_system.h"
#include "report/append_file.h"

namespace bbg::report {

namespace {

using Json = nlohmann::ordered_json;

bool has_step(const Json& line) {
  return line.is_object() && line.contains("step") && line["step"].is_number_integer();
}

// Where the lines to keep end and where the last of them begins. Steps ascend, so the rest is one
// piece. A change of options at the step itself is told again, or is none any more.
struct Kept {
  size_t begin_of_last = 0, end = 0;
};

Kept lines_to_keep(std::string_view content, int64_t resume_step) {
  Kept kept;
  for (;;) {
    const size_t end = content.find('\n', kept.end);
    if (end == std::string_view::npos) break;
    const Json line = Json::parse(content.substr(kept.end, end - kept.end), nullptr, false);
    if (!has_step(line) || line["step"].get<int64_t>() > resume_step) break;
    if (line.contains("changed") && line["step"] == resume_step) break;
    kept = {kept.end, end + 1};
  }
  return kept;
}

class JsonlSink final : public Sink {
 public:
  JsonlSink(const std::string& path, std::string_view content, const Kept& kept)
      : file_(path, static_cast<int64_t>(kept.end)),
        end_(static_cast<int64_t>(kept.begin_of_last)),
        last_(content.substr(kept.begin_of_last, kept.end - kept.begin_of_last)) {}

  void changes(int64_t step, const std::vector<OptionChange>& changes) override {
    const std::string line = to_json_line(step, changes) + "\n";
    file_.append(line);
    behind_ += line;
  }
  void interval(const Interval& interval) override { append(to_json_line(interval) + "\n"); }

  // The interval's line of the step, if it is there, anew; what stands behind it stays there.
  void more(int64_t step, const core::Values& values) override {
    Json line = Json::parse(last_, nullptr, false);
    std::string behind;
    if (has_step(line) && line["step"] == step && !line.contains("changed")) {
      file_.cut(end_);
      last_.clear();
      behind.swap(behind_);
    } else {
      line = {{"step", step}};
    }
    for (const auto& [name, value] : values) line[name] = value;
    append(line.dump() + "\n");
    if (!behind.empty()) file_.append(behind);
    behind_ = behind;
  }

  void image(int64_t, const std::string&, const core::Image&) override {}
  void evaluation(int64_t, const core::Values&) override {}
  void close() override { file_.close(); }

 private:
  void append(std::string line) {
    file_.append(line);
    end_ += std::ssize(last_) + std::ssize(behind_);
    last_ = std::move(line);
    behind_.clear();
  }

  AppendFile file_;
  int64_t end_;         // bytes before the last line
  std::string last_;    // the last line that is no change of options
  std::string behind_;  // changes of options that follow it
};

}  // namespace

std::string to_json_line(const Interval& interval) {
  // The library prints the shortest digits that read back to the same double.
  Json line = {{"step", interval.step},
               {"images", interval.images},
               {"seconds", interval.seconds},
               {"images_per_second", interval.images_per_second},
               {"data_seconds", interval.data_seconds}};
  for (const auto& [name, value] : interval.values) line[name] = value;
  return line.dump();
}

std::string to_json_line(int64_t step, const std::vector<OptionChange>& changes) {
  Json changed = Json::object();
  for (const OptionChange& change : changes) {
    changed[change.key] = {{"before", change.before}, {"after", change.after}};
  }
  return Json{{"step", step}, {"changed", changed}}.dump(-1, ' ', false,
                                                         Json::error_handler_t::replace);
}

bool is_evaluated(core::FileSystem& files, const std::string& path, int64_t step) {
  if (!files.exists(path)) return false;
  const std::string content = files.read(path);
  const Kept kept = lines_to_keep(content, step);
  const Json line = Json::parse(content.substr(kept.begin_of_last, kept.end - kept.begin_of_last),
                                nullptr, false);
  if (!has_step(line) || line["step"] != step) return false;
  for (const auto& [name, value] : line.items()) {
    if (name.rfind("eval.", 0) == 0) return true;
  }
  return false;
}

std::unique_ptr<Sink> make_jsonl_sink(const std::string& path, int64_t resume_step) {
  const auto files = core::make_posix_file_system();
  const std::string content = files->exists(path) ? files->read(path) : "";
  return std::make_unique<JsonlSink>(path, content, lines_to_keep(content, resume_step));
}

}  // namespace bbg::report
