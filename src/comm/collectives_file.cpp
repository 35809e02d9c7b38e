#include "comm/collectives_file.h"

#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/file_system.h"

namespace bbg::comm {

std::string collectives_path(const std::string& folder, int rank, const std::string& purpose) {
  return folder + "/collectives-" + (purpose.empty() ? "" : purpose + "-") + "rank-" +
         std::to_string(rank) + ".json";
}

bool write_collectives(const std::string& path, const std::string& text) {
  try {
    core::write_atomically(*core::make_posix_file_system(), path, text + "\n");
    return true;
  } catch (const core::SystemError&) {
    return false;
  }
}

std::vector<PeerCollective> read_collectives(const std::string& path, int64_t job) {
  std::ifstream file(path);
  try {
    const auto content = nlohmann::json::parse(file);
    if (content.at("job") != job) return {};
    std::vector<PeerCollective> all;
    for (const auto& item : content.at("collectives")) {
      all.push_back({item.at("sequence"), item.at("operation"), item.at("bytes")});
    }
    return all;
  } catch (const nlohmann::json::exception&) {
    return {};  // no such file, or not one of ours
  }
}

std::optional<std::string> within(int64_t limit_ms, std::function<std::string()> work) {
  const auto result = std::make_shared<std::promise<std::string>>();
  std::future<std::string> future = result->get_future();
  std::thread([result, work = std::move(work)] { result->set_value(work()); }).detach();
  if (future.wait_for(std::chrono::milliseconds(limit_ms)) != std::future_status::ready) {
    return std::nullopt;
  }
  return future.get();
}

}  // namespace bbg::comm
