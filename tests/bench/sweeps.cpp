#include "bench/sweeps.h"

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "bench/median.h"
#include "core/error.h"
#include "feed/loader.h"
#include "feed/read_samples.h"

namespace bbg::bench {

namespace {

constexpr int64_t kWarmupBatches = 4, kBatches = 40;

template <class Work>
double seconds_of(comm::Communicator& communicator, Work work) {
  communicator.barrier();
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

nlohmann::ordered_json sweep_all_reduce(const BenchOptions& options,
                                        comm::Communicator& communicator) {
  nlohmann::ordered_json lines = nlohmann::ordered_json::array();
  MPI_Comm direct = MPI_COMM_NULL;
  BBG_CHECK(MPI_Comm_dup(MPI_COMM_WORLD, &direct) == MPI_SUCCESS, "MPI_Comm_dup failed");
  for (int64_t bytes = 4 << 10; bytes <= 256 << 20; bytes *= 4) {
    at::Tensor tensor = at::zeros({bytes / 4}, at::kFloat);
    const int64_t repeats = std::clamp<int64_t>((64 << 20) / bytes, 2, 200);
    const auto ours = [&] {
      for (int64_t i = 0; i < repeats; ++i) communicator.all_reduce(tensor, comm::Reduce::kSum);
    };
    const auto reference = [&] {
      for (int64_t i = 0; i < repeats; ++i) {
        BBG_CHECK(MPI_Allreduce(MPI_IN_PLACE, tensor.data_ptr(), static_cast<int>(tensor.numel()),
                                MPI_FLOAT, MPI_SUM, direct) == MPI_SUCCESS,
                  "MPI_Allreduce failed");
      }
    };
    ours();
    reference();
    std::vector<double> ours_us, reference_us;
    for (int64_t round = 0; round < options.rounds; ++round) {
      const double per_call = 1e6 / static_cast<double>(repeats);
      ours_us.push_back(per_call * seconds_of(communicator, ours));
      reference_us.push_back(per_call * seconds_of(communicator, reference));
    }
    lines.push_back({{"bytes", bytes},
                     {"ours_us", median(ours_us)},
                     {"reference_us", median(reference_us)},
                     {"ours_gb_per_s", static_cast<double>(bytes) / median(ours_us) / 1e3}});
  }
  MPI_Comm_free(&direct);
  return {{"name", "all-reduce"}, {"ranks", communicator.size()}, {"sizes", lines}};
}

nlohmann::ordered_json sweep_loader(const run::RunConfig& config, const BenchOptions& options,
                                    comm::Communicator& communicator) {
  if (config.data.shards.empty()) {
    throw core::UsageError("the loader sweep reads shards", "give data.shards");
  }
  const auto shards = data::ShardSet::open(config.data.shards, config.data.verify);
  const data::SamplePlan plan(static_cast<uint64_t>(config.run.seed), shards.size(),
                              config.data.batch);
  const int64_t rank_batch = config.data.rank_batch(communicator.size());
  const double images = static_cast<double>(kBatches * rank_batch);
  const int64_t places = shards.size() / rank_batch;
  if (places == 0) {
    throw core::UsageError(config.data.shards + " holds less than one batch",
                           "give a smaller data.batch");
  }
  const int64_t size = config.model.data_resolution();
  std::vector<double> reference;
  std::map<int64_t, std::vector<double>> ours;
  for (int64_t round = 0; round < options.rounds; ++round) {
    reference.push_back(images / seconds_of(communicator, [&] {
                          for (int64_t i = 0; i < kBatches; ++i) {
                            feed::read_range(shards, i % places * rank_batch, rank_batch, size);
                          }
                        }));
    for (const int64_t threads : {1, 2, 4}) {
      data::DataOptions own = config.data;
      own.loader_threads = threads;
      feed::Loader loader(shards,
                          {.plan = plan,
                           .options = own,
                           .slots = core::Slots::of_rank(plan.global_batch(), communicator.rank(),
                                                         communicator.size()),
                           .size = size},
                          at::kFloat);
      for (int64_t i = 0; i < kWarmupBatches; ++i) loader.next();
      ours[threads].push_back(images / seconds_of(communicator, [&] {
                                for (int64_t i = 0; i < kBatches; ++i) loader.next();
                              }));
    }
  }
  nlohmann::ordered_json lines = nlohmann::ordered_json::array();
  for (const auto& [threads, speeds] : ours) {
    lines.push_back({{"threads", threads},
                     {"ours_images_per_s", median(speeds)},
                     {"reference_images_per_s", median(reference)}});
  }
  return {{"name", "loader"}, {"ranks", communicator.size()}, {"of_each_rank", lines}};
}

}  // namespace bbg::bench
