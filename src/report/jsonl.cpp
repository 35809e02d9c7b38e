#include "report/jsonl.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "core/file_system.h"
#include "report/append_file.h"

namespace bbg::report {

namespace {

using Json = nlohmann::ordered_json;

// Bytes up to and with the last line to keep. Steps ascend, so the rest is one piece. A change of
// options at the step itself is made again, or is none any more.
int64_t bytes_to_keep(std::string_view content, int64_t resume_step) {
  size_t keep = 0;
  for (;;) {
    const size_t end = content.find('\n', keep);
    if (end == std::string_view::npos) break;
    const Json line = Json::parse(content.substr(keep, end - keep), nullptr, false);
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number_integer() ||
        line["step"].get<int64_t>() > resume_step ||
        (line.contains("changed") && line["step"].get<int64_t>() == resume_step)) {
      break;
    }
    keep = end + 1;
  }
  return static_cast<int64_t>(keep);
}

int64_t bytes_to_keep_of(const std::string& path, int64_t resume_step) {
  const auto files = core::make_posix_file_system();
  return files->exists(path) ? bytes_to_keep(files->read(path), resume_step) : 0;
}

class JsonlSink final : public Sink {
 public:
  JsonlSink(const std::string& path, int64_t resume_step)
      : file_(path, bytes_to_keep_of(path, resume_step)) {}
  void changes(int64_t step, const std::vector<OptionChange>& changes) override {
    file_.append(to_json_line(step, changes) + "\n");
  }
  void interval(const Interval& interval) override { file_.append(to_json_line(interval) + "\n"); }
  void image(int64_t, const std::string&, const Image&) override {}
  void evaluation(int64_t, const Values&) override {}
  void close() override { file_.close(); }

 private:
  AppendFile file_;
};

}  // namespace

std::string to_json_line(const Interval& interval) {
  // The library prints the shortest digits that read back to the same double.
  Json line = {{"step", interval.step},
               {"images", interval.images},
               {"seconds", interval.seconds},
               {"images_per_second", interval.images_per_second}};
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

std::unique_ptr<Sink> make_jsonl_sink(const std::string& path, int64_t resume_step) {
  return std::make_unique<JsonlSink>(path, resume_step);
}

}  // namespace bbg::report
