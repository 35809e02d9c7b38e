#include "report/tensorboard.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "core/host_name.h"
#include "report/append_file.h"
#include "report/event_record.h"
#include "report/png.h"

namespace bbg::report {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Readers take the files of a folder in the order of their names, so the time comes first. A run
// that goes back begins a second file of its process, perhaps in the same second.
std::string new_file(const std::string& folder) {
  for (auto second = static_cast<int64_t>(now());; ++second) {
    const std::string path = folder + "/events.out.tfevents." + std::to_string(second) + "." +
                             core::host_name() + "." + std::to_string(getpid());
    if (!std::filesystem::exists(path)) return path;
  }
}

class TensorboardSink final : public Sink {
 public:
  TensorboardSink(const std::string& folder, int64_t resume_step) : file_(new_file(folder), 0) {
    write(version_event(now()));
    write(restart_event(now(), resume_step + 1));
  }

  void interval(const Interval& interval) override {
    core::Values scalars;
    for (const auto& [name, value] : interval.values) scalars.emplace_back("train/" + name, value);
    scalars.emplace_back("train/images", static_cast<double>(interval.images));
    scalars.emplace_back("train/seconds", interval.seconds);
    scalars.emplace_back("train/images_per_second", interval.images_per_second);
    scalars.emplace_back("train/data_seconds", interval.data_seconds);
    write(scalars_event(now(), interval.step, scalars));
  }

  void more(int64_t step, const core::Values& values) override {
    core::Values scalars;
    for (const auto& [name, value] : values) scalars.emplace_back("train/" + name, value);
    write(scalars_event(now(), step, scalars));
  }

  void image(int64_t step, const std::string& name, const core::Image& image) override {
    write(image_event(now(), step, "grids/" + name, image, encode_png(image)));
  }

  void evaluation(int64_t step, const core::Values& values) override {
    core::Values scalars;
    for (const auto& [name, value] : values) {
      std::string tag = "evaluation/" + name;
      if (const size_t dot = tag.find('.'); dot != std::string::npos) tag[dot] = '/';
      scalars.emplace_back(tag, value);
    }
    write(scalars_event(now(), step, scalars));
  }

  void close() override { file_.close(); }

 private:
  void write(const std::string& event) { file_.append(frame_record(event)); }

  AppendFile file_;
};

}  // namespace

std::unique_ptr<Sink> make_tensorboard_sink(const std::string& folder, int64_t resume_step) {
  return std::make_unique<TensorboardSink>(folder, resume_step);
}

}  // namespace bbg::report
