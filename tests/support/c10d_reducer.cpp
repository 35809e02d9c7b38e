#include "support/c10d_reducer.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "support/c10d_mpi_backend.h"
#ifdef BBG_CUDA
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

namespace bbg::testing {

namespace {

#ifdef BBG_CUDA
// Where NCCL's ranks find each other: rank 0 serves it at a free port of its own.
c10::intrusive_ptr<c10d::Store> shared_store(MPI_Comm communicator, int rank, int size) {
  struct {
    char host[256] = {};
    uint16_t port = 0;
  } place;
  c10d::TCPStoreOptions options;
  options.port = 0;
  options.isServer = rank == 0;
  options.numWorkers = size;
  options.waitWorkers = false;
  c10::intrusive_ptr<c10d::TCPStore> store;
  if (rank == 0) {
    BBG_CHECK(gethostname(place.host, sizeof place.host - 1) == 0, "a host without a name");
    store = c10::make_intrusive<c10d::TCPStore>(size == 1 ? "localhost" : place.host, options);
    place.port = store->getPort();
  }
  BBG_CHECK(MPI_Bcast(&place, sizeof place, MPI_BYTE, 0, communicator) == MPI_SUCCESS,
            "MPI failed");
  if (rank != 0) {
    options.port = place.port;
    store = c10::make_intrusive<c10d::TCPStore>(place.host, options);
  }
  return store;
}
#endif

}  // namespace

C10dRanks::C10dRanks(at::Device device) {
  BBG_CHECK(MPI_Comm_dup(MPI_COMM_WORLD, &communicator_) == MPI_SUCCESS, "MPI_Comm_dup failed");
  int rank = 0, size = 1;
  MPI_Comm_rank(communicator_, &rank);
  MPI_Comm_size(communicator_, &size);
  if (device.is_cpu()) {
    mpi_ = c10::make_intrusive<MpiBackend>(communicator_, rank, size);
    group_ =
        c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::HashStore>(), rank, size);
    group_->setBackend(at::kCPU, c10d::ProcessGroup::BackendType::CUSTOM, mpi_);
    group_->setDefaultBackend(c10d::ProcessGroup::BackendType::CUSTOM);
    return;
  }
#ifdef BBG_CUDA
  const auto store = shared_store(communicator_, rank, size);
  group_ = c10::make_intrusive<c10d::ProcessGroup>(store, rank, size);
  group_->setBackend(at::kCUDA, c10d::ProcessGroup::BackendType::NCCL,
                     c10::make_intrusive<c10d::ProcessGroupNCCL>(
                         store, rank, size, c10d::ProcessGroupNCCL::Options::create()));
  group_->setDefaultBackend(c10d::ProcessGroup::BackendType::NCCL);
#else
  BBG_CHECK(false, "built without CUDA");
#endif
}

C10dRanks::~C10dRanks() { MPI_Comm_free(&communicator_); }

double C10dRanks::seconds() const { return mpi_ ? mpi_->seconds() : 0; }

DdpReducer::DdpReducer(const C10dRanks& ranks, const std::vector<at::Tensor>& parameters,
                       size_t first_bucket_bytes, size_t bucket_bytes) {
  auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(
      parameters, {first_bucket_bytes, bucket_bytes}, std::vector<bool>(parameters.size())));
  std::reverse(buckets.begin(), buckets.end());
  reducer_ = std::make_unique<c10d::Reducer>(
      parameters, std::move(buckets), ranks.group(), std::vector<bool>(parameters.size()),
      static_cast<int64_t>(bucket_bytes), /*find_unused_parameters=*/false,
      /*gradient_as_bucket_view=*/false, std::unordered_map<size_t, std::string>(),
      static_cast<int64_t>(first_bucket_bytes), /*skip_all_reduce_unused_params=*/false,
      /*use_python_reducer=*/false, std::vector<int64_t>());
}

void DdpReducer::prepare() {
  reducer_->rebuild_buckets();
  reducer_->prepare_for_backward({});
}

}  // namespace bbg::testing
