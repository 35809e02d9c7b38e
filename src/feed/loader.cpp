#include "feed/loader.h"

#include <ATen/ATen.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/augment.h"

namespace bbg::feed {

namespace {

// x / 127.5 - 1 for each byte.
const std::array<float, 256>& float_of_byte() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> values;
    for (size_t x = 0; x < values.size(); ++x) values[x] = static_cast<float>(x) / 127.5f - 1.0f;
    return values;
  }();
  return table;
}

// [H, W, C] bytes -> [C, H, W] floats.
void to_planes(std::span<const uint8_t> pixels, int64_t channels, float* out) {
  const std::array<float, 256>& table = float_of_byte();
  const int64_t area = static_cast<int64_t>(pixels.size()) / channels;
  for (int64_t channel = 0; channel < channels; ++channel) {
    const uint8_t* in = pixels.data() + channel;
    for (int64_t i = 0; i < area; ++i) *out++ = table[in[i * channels]];
  }
}

// Builds a batch sample by sample. `before_read` hears each id and may throw to end it; `corner`
// says where the crop of a sample begins, if there is one; `change` may edit its pixels.
template <class BeforeRead, class CornerOf, class Change>
core::Batch build_batch(const data::SampleSource& source, int64_t crop,
                        std::span<const int64_t> ids, const BeforeRead& before_read,
                        const CornerOf& corner, const Change& change) {
  BBG_CHECK(crop <= source.height() && crop <= source.width(), "crop larger than the images");
  const auto count = static_cast<int64_t>(ids.size());
  const int64_t height = crop > 0 ? crop : source.height();
  const int64_t width = crop > 0 ? crop : source.width();
  const int64_t bytes = height * width * source.channels();
  core::Batch batch;
  batch.images = at::empty({count, source.channels(), height, width}, at::kFloat);
  batch.labels = at::empty({count}, at::kLong);
  batch.sample_ids = at::empty({count}, at::kLong);
  std::vector<uint8_t> sample(
      static_cast<size_t>(source.height() * source.width() * source.channels()));
  const std::span<uint8_t> pixels = std::span(sample).first(static_cast<size_t>(bytes));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t id = ids[static_cast<size_t>(i)];
    before_read(id);
    source.read_pixels(id, sample, data::Check::kVerify);
    if (crop > 0) data::crop_to_front(sample, source.width(), source.channels(), crop, corner(i));
    change(i, pixels);
    to_planes(pixels, source.channels(), batch.images.mutable_data_ptr<float>() + i * bytes);
    batch.labels.mutable_data_ptr<int64_t>()[i] = source.label(id);
    batch.sample_ids.mutable_data_ptr<int64_t>()[i] = id;
  }
  return batch;
}

// Thrown in a thread that builds a batch nobody waits for any more.
struct Stopped {};

// How long the end of a loader waits for a read that is under way: a healthy one takes
// milliseconds, and an error of the run may be waiting to be told.
constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

struct Loader::State {
  std::shared_ptr<const data::SampleSource> source;
  data::SamplePlan plan;
  data::DataOptions options;
  core::Slots slots;

  std::mutex mutex;
  std::condition_variable changed;
  // Under the mutex:
  int64_t next_draw;       // that next() returns
  int64_t unclaimed_draw;  // that no thread works on yet
  bool is_stopping = false;
  bool has_given_up = false;             // next() met the deadline
  int64_t running = 0;                   // threads
  std::map<int64_t, core::Batch> ready;  // by draw
  std::map<int64_t, std::exception_ptr> failed;
  std::map<int64_t, int64_t> under_way;  // draw -> sample that is being read

  std::vector<std::thread> threads;  // touched by the owner alone

  State(std::shared_ptr<const data::SampleSource> given, const data::SamplePlan& the_plan,
        const data::DataOptions& the_options, const core::Slots& the_slots, int64_t first_draw)
      : source(std::move(given)),
        plan(the_plan),
        options(the_options),
        slots(the_slots),
        next_draw(first_draw),
        unclaimed_draw(first_draw) {
    BBG_CHECK(the_plan.num_samples() == source->size(), "plan of another data set");
  }

  core::Batch build(int64_t draw) {
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < slots.count(); ++i) ids.push_back(plan.sample_id(draw, slots[i]));
    const auto note = [&](int64_t id) {
      const std::lock_guard lock(mutex);
      if (is_stopping) throw Stopped{};
      under_way[draw] = id;
    };
    const auto corner = [&](int64_t i) {
      return data::random_corner(plan.seed(), draw, slots[i], source->height(), source->width(),
                                 options.crop);
    };
    const auto flip = [&](int64_t i, std::span<uint8_t> pixels) {
      if (options.flip && data::is_flipped(plan.seed(), draw, slots[i])) {
        const bool crops = options.crop > 0;
        data::flip_horizontally(pixels, crops ? options.crop : source->height(),
                                crops ? options.crop : source->width(), source->channels());
      }
    };
    return build_batch(*source, options.crop, ids, note, corner, flip);
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock,
                   [&] { return is_stopping || unclaimed_draw < next_draw + options.prefetch; });
      if (is_stopping) break;
      const int64_t draw = unclaimed_draw++;
      lock.unlock();
      core::Batch batch;
      std::exception_ptr error;
      try {
        batch = build(draw);
      } catch (const Stopped&) {
        lock.lock();
        break;
      } catch (...) {
        error = std::current_exception();  // rethrown by next()
      }
      lock.lock();
      under_way.erase(draw);
      if (error) {
        failed.emplace(draw, error);
      } else {
        ready.emplace(draw, std::move(batch));
      }
      changed.notify_all();
    }
    --running;
    changed.notify_all();
  }

  core::SystemError late(int64_t draw) const {
    const auto at = under_way.find(draw);
    const std::string where = at == under_way.end()
                                  ? "no thread has come to it; see data.threads"
                                  : "sample " + std::to_string(at->second) +
                                        " is being read from " + source->file(at->second);
    return core::SystemError(
        {.call = "waiting for the loader",
         .object = "draw " + std::to_string(draw),
         .cause = "not there after " + std::to_string(options.deadline_ms) + " ms; " + where,
         .restart_can_help = true});
  }
};

Loader::Loader(const data::ShardSet& shards, const data::SamplePlan& plan,
               const data::DataOptions& options, const core::Slots& slots, int64_t first_draw)
    : Loader(shards.source(), plan, options, slots, first_draw) {}

Loader::Loader(std::shared_ptr<const data::SampleSource> source, const data::SamplePlan& plan,
               const data::DataOptions& options, const core::Slots& slots, int64_t first_draw)
    : state_(std::make_shared<State>(std::move(source), plan, options, slots, first_draw)) {
  state_->running = options.loader_threads;
  for (int64_t i = 0; i < options.loader_threads; ++i) {
    state_->threads.emplace_back([state = state_] { state->work(); });
  }
}

Loader::~Loader() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.is_stopping = true;
  state.changed.notify_all();
  // Where next() has waited in vain there is no point in waiting again.
  const std::chrono::milliseconds patience = state.has_given_up ? 0 * kPatience : kPatience;
  const bool all_ended = state.changed.wait_for(lock, patience, [&] { return state.running == 0; });
  lock.unlock();
  for (std::thread& thread : state.threads) {
    if (all_ended) {
      thread.join();
    } else {
      thread.detach();
    }
  }
}

core::Batch Loader::next() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  const int64_t draw = state.next_draw;
  const bool arrived = state.changed.wait_for(
      lock, std::chrono::milliseconds(state.options.deadline_ms),
      [&] { return state.ready.contains(draw) || state.failed.contains(draw); });
  if (!arrived) {
    state.has_given_up = true;
    throw state.late(draw);
  }
  if (const auto failure = state.failed.find(draw); failure != state.failed.end()) {
    std::rethrow_exception(failure->second);
  }
  core::Batch batch = std::move(state.ready.extract(draw).mapped());
  ++state.next_draw;
  state.changed.notify_all();
  return batch;
}

core::Batch read_samples(const data::ShardSet& shards, std::span<const int64_t> ids, int64_t crop) {
  const data::Corner middle = data::centre_corner(shards.height(), shards.width(), crop);
  return build_batch(
      *shards.source(), crop, ids, [](int64_t) {}, [&](int64_t) { return middle; },
      [](int64_t, std::span<uint8_t>) {});
}

core::Batch read_range(const data::ShardSet& shards, int64_t first, int64_t count, int64_t crop) {
  std::vector<int64_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return read_samples(shards, ids, crop);
}

}  // namespace bbg::feed
