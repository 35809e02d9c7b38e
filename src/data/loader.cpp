#include "data/loader.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/error.h"
#include "data/batch_queue.h"
#include "data/read_ahead.h"
#include "data/row_builder.h"

namespace bbg::data {

namespace {

using SteadyClock = std::chrono::steady_clock;

// Thrown in a thread whose work nobody waits for any more.
struct Stopped {};

// How long the end of a loader waits for a read that is under way: a healthy one takes
// milliseconds, and an error of the run may be waiting to be told.
constexpr std::chrono::milliseconds kPatience{1000};
constexpr size_t kNamedReplacements = 3;

}  // namespace

struct Loader::State {
  // One thread's.
  struct Worker {
    Worker(State& state);
    std::atomic<int64_t> draw = -1, id = -1;  // the sample that it is at, for messages
    RowBuilder builder;
  };

  const std::shared_ptr<const SampleSource> source;
  const LoaderSetup setup;

  mutable std::mutex mutex;
  std::condition_variable has_work, has_batch, has_ended;
  std::atomic<bool> is_stopping = false;  // written under the mutex
  // Under the mutex:
  BatchQueue queue;
  std::exception_ptr failure;  // outside of any batch
  bool has_given_up = false;   // next() met the deadline
  int64_t running;             // threads
  Replaced replaced;
  double waited_seconds = 0;

  ReadAhead ahead;
  std::deque<Worker> workers;
  std::vector<std::thread> threads;  // touched by the owner alone

  State(std::shared_ptr<const SampleSource> given, const LoaderSetup& the_setup);
  void work(Worker& worker);
  void build_rows(Worker& worker, const BatchQueue::Run& run);
  void note_replaced(const std::string& why);
  void pause(std::chrono::milliseconds duration);
  core::SystemError late() const;
};

Loader::State::Worker::Worker(State& state)
    : builder(*state.source, state.setup,
              {.before_read =
                   [this, &state](int64_t the_draw, int64_t the_id) {
                     if (state.is_stopping) throw Stopped{};
                     id = the_id;
                     draw = the_draw;
                   },
               .pause = [&state](std::chrono::milliseconds duration) { state.pause(duration); },
               .replaced = [&state](const std::string& why) { state.note_replaced(why); }}) {}

Loader::State::State(std::shared_ptr<const SampleSource> given, const LoaderSetup& the_setup)
    : source(std::move(given)),
      setup(the_setup),
      queue({.count = the_setup.slots.count(),
             .size = the_setup.size,
             .channels = source->channels(),
             .memory = nullptr,
             .labels = {},
             .sample_ids = {}},
            the_setup.first_draw, the_setup.options.prefetch, the_setup.allocate),
      running(the_setup.options.loader_threads),
      ahead(*source, setup, setup.size * setup.size * source->channels()) {
  BBG_CHECK(setup.plan.num_samples() == source->size(), "plan of another data set");
  BBG_CHECK(running > 0, "a loader without threads");
  for (int64_t i = 0; i < running; ++i) workers.emplace_back(*this);
}

void Loader::State::work(Worker& worker) {
  std::unique_lock lock(mutex);
  while (!is_stopping && !failure) {
    std::optional<BatchQueue::Run> run;
    try {
      has_work.wait(lock, [&] { return is_stopping || (run = queue.take()); });
    } catch (...) {
      failure = std::current_exception();  // no memory; thrown by next()
    }
    if (run) {
      lock.unlock();
      build_rows(worker, *run);
      lock.lock();
      worker.draw = -1;
    }
    if (failure || queue.front() != nullptr) has_batch.notify_one();
  }
  --running;
  has_ended.notify_all();
}

void Loader::State::build_rows(Worker& worker, const BatchQueue::Run& run) {
  std::exception_ptr error;
  int64_t row = run.first;
  try {
    for (; row < run.first + run.count; ++row) {
      worker.builder.build(run.slot->batch, row);
      ahead.follow(run.slot->batch.draw, row);
    }
  } catch (const Stopped&) {
    return;
  } catch (...) {
    error = std::current_exception();  // thrown by next()
  }
  const std::lock_guard lock(mutex);
  queue.finish(run, error, row);
}

void Loader::State::note_replaced(const std::string& why) {
  const std::lock_guard lock(mutex);
  ++replaced.count;
  if (replaced.first.size() < kNamedReplacements) replaced.first.push_back(why);
}

void Loader::State::pause(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex);
  has_work.wait_for(lock, duration, [&] { return is_stopping.load(); });
}

core::SystemError Loader::State::late() const {
  const int64_t draw = queue.next_draw();
  std::string where = "no thread has come to it; see data.threads";
  for (const Worker& worker : workers) {
    if (worker.draw != draw) continue;
    const int64_t id = worker.id;
    where = "sample " + std::to_string(id) + " is being read from " + source->file(id);
    break;
  }
  return core::SystemError(
      {.call = "waiting for the loader",
       .object = "draw " + std::to_string(draw),
       .cause = "not there after " + std::to_string(setup.options.deadline_ms) + " ms; " + where,
       .restart_can_help = true});
}

Loader::Loader(std::shared_ptr<const SampleSource> source, const LoaderSetup& setup)
    : state_(std::make_shared<State>(std::move(source), setup)) {
  for (State::Worker& worker : state_->workers) {
    state_->threads.emplace_back([state = state_, &worker] { state->work(worker); });
  }
}

Loader::~Loader() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.is_stopping = true;
  state.has_work.notify_all();
  // Where next() has waited in vain there is no point in waiting again.
  const std::chrono::milliseconds patience = state.has_given_up ? 0 * kPatience : kPatience;
  const bool all_ended =
      state.has_ended.wait_for(lock, patience, [&] { return state.running == 0; });
  lock.unlock();
  for (std::thread& thread : state.threads) {
    if (all_ended) {
      thread.join();
    } else {
      thread.detach();
    }
  }
}

Lease Loader::next() {
  State& state = *state_;
  const SteadyClock::time_point start = SteadyClock::now();
  std::unique_lock lock(state.mutex);
  const bool arrived =
      state.has_batch.wait_for(lock, std::chrono::milliseconds(state.setup.options.deadline_ms),
                               [&] { return state.failure || state.queue.front() != nullptr; });
  state.waited_seconds += std::chrono::duration<double>(SteadyClock::now() - start).count();
  if (!arrived) {
    state.has_given_up = true;
    throw state.late();
  }
  if (state.failure) std::rethrow_exception(state.failure);
  if (state.queue.front()->error) std::rethrow_exception(state.queue.front()->error);
  BatchQueue::Slot* slot = state.queue.pop();
  state.has_work.notify_all();
  lock.unlock();
  return {&slot->batch, [shared = state_, slot](const LoadedBatch*) {
            const std::lock_guard guard(shared->mutex);
            shared->queue.give_back(slot);
          }};
}

double Loader::waited_seconds() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waited_seconds;
}

Replaced Loader::replaced() const {
  const std::lock_guard lock(state_->mutex);
  return state_->replaced;
}

}  // namespace bbg::data
