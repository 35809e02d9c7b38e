#include "report/console.h"

#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <optional>

#include "core/text.h"

namespace bbg::report {

namespace {

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

// loss_d and loss_ge, or, for a run that has neither, the first two values.
core::Values main_values(const core::Values& values) {
  core::Values chosen;
  for (const auto& entry : values) {
    if (entry.first == "loss_d" || entry.first == "loss_ge") chosen.push_back(entry);
  }
  if (chosen.empty()) {
    chosen.assign(values.begin(), values.begin() + std::min<std::ptrdiff_t>(2, std::ssize(values)));
  }
  return chosen;
}

std::string padded(int64_t step, int64_t total) {
  const std::string all = std::to_string(total), now = std::to_string(step);
  return std::string(all.size() > now.size() ? all.size() - now.size() : 0, ' ') + now + "/" + all;
}

class ConsoleSink final : public Sink {
 public:
  explicit ConsoleSink(ConsoleTarget target) : target_(std::move(target)) {}

  void interval(const Interval& interval) override {
    update_speed(interval.images_per_second);
    if (target_.is_terminal) {
      draw(interval);
    } else {
      target_.out << line(interval) << std::endl;
    }
  }

  void more(int64_t step, const core::Values& values) override {
    if (target_.is_terminal) return;  // the line shows what changes from step to step
    std::string text = "step " + std::to_string(step);
    for (const auto& [name, value] : values) text += "  " + name + format(" %.4f", value);
    target_.out << text << std::endl;
  }

  void image(int64_t, const std::string&, const core::Image&) override {}
  void evaluation(int64_t, const core::Values&) override {}

  void close() override {
    if (is_drawn_) target_.out << std::endl;
    is_drawn_ = false;
  }

 private:
  // The remaining time should not jump with every interval.
  void update_speed(double images_per_second) {
    if (!std::isfinite(images_per_second) || images_per_second <= 0) return;
    speed_ = speed_ ? 0.7 * *speed_ + 0.3 * images_per_second : images_per_second;
  }

  std::string remaining(const Interval& interval) const {
    if (!speed_ || interval.step <= 0) return "?";
    const double per_step =
        static_cast<double>(interval.images) / static_cast<double>(interval.step);
    return core::clock_text(static_cast<double>(interval.total_steps - interval.step) * per_step /
                            *speed_);
  }

  std::string line(const Interval& interval) const {
    std::string text = "step " + padded(interval.step, interval.total_steps) + "  " +
                       format("%.0f images/s", interval.images_per_second);
    for (const auto& [name, value] : interval.values) {
      // One for every weight would fill the screen.
      if (name.rfind("sigma.", 0) != 0) text += "  " + name + format(" %.4f", value);
    }
    return text + "  ETA " + remaining(interval);
  }

  // Drops parts that do not fit, the least wanted first; the bar takes what is left.
  void draw(const Interval& interval) {
    const int64_t room = std::max<int64_t>(1, target_.columns() - 1);  // the last column may wrap
    const std::string head = "step " + padded(interval.step, interval.total_steps);
    std::string speed = format("  %.0f images/s", interval.images_per_second), losses;
    std::string eta = "  ETA " + remaining(interval);
    for (const auto& [name, value] : main_values(interval.values)) {
      losses += "  " + name + format(" %.3f", value);
    }
    constexpr int64_t kMinBar = 8, kMaxBar = 40, kBarSpace = 3 + 4;  // gaps, " 100%"
    const auto width = [&] { return std::ssize(head) + std::ssize(speed + losses + eta); };
    if (width() + kMinBar + kBarSpace > room) speed.clear();
    if (width() + kMinBar + kBarSpace > room) losses.clear();
    if (width() + kMinBar + kBarSpace > room) eta.clear();
    const int64_t bar = std::min(kMaxBar, room - width() - kBarSpace);
    std::string text = head.substr(0, static_cast<size_t>(room));
    if (bar >= kMinBar) text += "  " + this->bar(interval, bar) + speed + losses + eta;
    target_.out << "\r" << text << "\x1b[K" << std::flush;  // and clear the rest of the line
    is_drawn_ = true;
  }

  std::string bar(const Interval& interval, int64_t width) const {
    const double share =
        std::clamp(static_cast<double>(interval.step) /
                       static_cast<double>(std::max<int64_t>(1, interval.total_steps)),
                   0.0, 1.0);
    const auto done = static_cast<int64_t>(share * static_cast<double>(width));
    const auto repeat = [](const std::string& text, int64_t count) {
      std::string all;
      for (int64_t i = 0; i < count; ++i) all += text;
      return all;
    };
    const std::string full = target_.is_unicode ? "━" : "=", rest = target_.is_unicode ? "─" : ".";
    return "\x1b[36m" + repeat(full, done) + "\x1b[0;2m" + repeat(rest, width - done) + "\x1b[0m" +
           format(" %3.0f%%", std::floor(share * 100));
  }

  ConsoleTarget target_;
  std::optional<double> speed_;  // images/s, smoothed
  bool is_drawn_ = false;
};

bool shows_utf8() {
  const locale_t locale = newlocale(LC_CTYPE_MASK, "", nullptr);
  if (locale == nullptr) return false;
  const bool utf8 = std::string(nl_langinfo_l(CODESET, locale)) == "UTF-8";
  freelocale(locale);
  return utf8;
}

}  // namespace

std::unique_ptr<Sink> make_console_sink(ConsoleTarget target) {
  return std::make_unique<ConsoleSink>(std::move(target));
}

ConsoleTarget standard_error() {
  const auto columns = [] {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? int64_t{size.ws_col}
                                                                           : int64_t{80};
  };
  return {.out = std::cerr,
          .is_terminal = isatty(STDERR_FILENO) == 1,
          .is_unicode = shows_utf8(),
          .columns = columns};
}

std::unique_ptr<Sink> make_console_sink() { return make_console_sink(standard_error()); }

}  // namespace bbg::report
