#include "data_prep/conversion/job_board.h"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/file_system.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

namespace {

constexpr const char* kPrefix = ".job-";
constexpr std::chrono::seconds kBeat{5};
constexpr std::chrono::milliseconds kLook{200};

// Discarded where the file is absent or just being replaced.
Json read_json(const fs::path& path) {
  return Json::parse(core::try_read(path).value_or(""), nullptr, false);
}

}  // namespace

struct JobBoard::State {
  fs::path folder;
  RankOfJob self;
  std::atomic<int64_t> images = 0;
  std::mutex mutex;  // guards what follows
  std::condition_variable stops;
  bool is_stopping = false;
  std::string phase = "begins", text;
  int64_t beats = 0;

  // Rank 0's knowledge of another rank.
  struct Other {
    Json last = Json::object();
    Clock::time_point changed = Clock::now();
  };
  std::vector<Other> others;
  std::jthread beating;

  fs::path path(int rank) const {
    return folder / (kPrefix + self.job + "-" + std::to_string(rank) + ".json");
  }

  // Under the mutex. A failure to write shows as silence.
  void write() {
    const Json json = {
        {"phase", phase}, {"text", text}, {"images", images.load()}, {"beats", ++beats}};
    const fs::path target = path(self.rank);
    const std::string aside = target.string() + ".new";
    std::ofstream(aside, std::ios::binary)
        << json.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::error_code ignored;
    fs::rename(aside, target, ignored);
  }

  void say(const std::string& the_phase, const std::string& the_text) {
    const std::lock_guard lock(mutex);
    phase = the_phase;
    text = the_text;
    write();
  }

  void beat() {
    std::unique_lock lock(mutex);
    while (!stops.wait_for(lock, kBeat, [&] { return is_stopping; })) write();
  }

  Other& look_at(int rank) {
    Other& other = others[static_cast<size_t>(rank)];
    Json now = read_json(path(rank));
    if (now.is_object() && now != other.last) {
      other.last = std::move(now);
      other.changed = Clock::now();
    }
    if (other.last.value("phase", "") == "failed") {
      throw core::SystemError(
          {.call = "waiting for the other processes",
           .object = "rank " + std::to_string(rank),
           .cause = other.last.value("text", "") + " (whole shards are kept: start it again)",
           .restart_can_help = true});
    }
    if (Clock::now() - other.changed > kSilence) {
      throw core::SystemError({.call = "waiting for the other processes",
                               .object = "rank " + std::to_string(rank),
                               .cause = "it has been silent for " +
                                        std::to_string(kSilence.count()) +
                                        " s (whole shards are kept: start it again)",
                               .restart_can_help = true});
    }
    return other;
  }
};

JobBoard::JobBoard(std::string folder, const RankOfJob& self) : state_(std::make_unique<State>()) {
  state_->folder = std::move(folder);
  state_->self = self;
  state_->others.resize(static_cast<size_t>(self.size));
  if (self.size == 1) return;
  state_->say("begins", "");
  state_->beating = std::jthread([state = state_.get()] { state->beat(); });
}

JobBoard::~JobBoard() {
  if (state_->self.size == 1) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
  }
  state_->stops.notify_all();
  state_->beating.join();
  // A rank's file tells rank 0 that it has ended, so rank 0 removes it.
  if (state_->self.rank > 0) return;
  std::error_code ignored;
  for (int rank = state_->self.size - 1; rank > 0; --rank) fs::remove(state_->path(rank), ignored);
  if (state_->phase != "failed") fs::remove(state_->path(0), ignored);
}

void JobBoard::begin(const std::string& text) {
  for (const auto& entry : fs::directory_iterator(state_->folder)) {
    // A living process of this job writes its file again with its next beat.
    if (entry.path().filename().string().starts_with(kPrefix)) fs::remove(entry.path());
  }
  if (state_->self.size > 1) state_->say("works", text);
}

std::string JobBoard::wait_for_begin() {
  for (;;) {
    const Json lead = state_->look_at(0).last;
    if (lead.value("phase", "") == "works") return lead.value("text", "");
    std::this_thread::sleep_for(kLook);
  }
}

void JobBoard::update(int64_t images) { state_->images = images; }

int64_t JobBoard::images() {
  int64_t sum = state_->images;
  for (int rank = 1; rank < state_->self.size; ++rank) {
    sum += state_->look_at(rank).last.value("images", int64_t{0});
  }
  return sum;
}

void JobBoard::end(const std::string& failure) {
  if (state_->self.size > 1) state_->say(failure.empty() ? "ended" : "failed", failure);
}

void JobBoard::wait_for_others() {
  for (int rank = 1; rank < state_->self.size; ++rank) {
    while (state_->look_at(rank).last.value("phase", "") != "ended") {
      std::this_thread::sleep_for(kLook);
    }
  }
}

}  // namespace bbg::data_prep
