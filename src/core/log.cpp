#include "core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace bbg::core {

struct Log::State {
  std::shared_ptr<spdlog::logger> logger;
  bool speaks;
};

Log::Log(int rank, int size, bool speaks) : state_(new State) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  state_->logger = std::make_shared<spdlog::logger>("bbg_dist", sink);
  const std::string who = size > 1 ? "[rank " + std::to_string(rank) + "] " : "";
  state_->logger->set_pattern("%H:%M:%S %^%l%$ " + who + "%v");
  state_->speaks = speaks;
}
Log::~Log() = default;

void Log::info(const std::string& text) const {
  if (state_->speaks) state_->logger->info(text);
}
void Log::warn(const std::string& text) const { state_->logger->warn(text); }
void Log::error(const std::string& text) const { state_->logger->error(text); }

}  // namespace bbg::core
