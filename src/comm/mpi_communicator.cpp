#include "comm/mpi_communicator.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "comm/mpi_ring.h"
#include "comm/watchdog.h"
#include "core/error.h"

namespace bbg::comm {

namespace {

void check_host_tensor(const at::Tensor& tensor) {
  BBG_CHECK(tensor.device().is_cpu(), "MPI is used on host memory only");
  BBG_CHECK(tensor.is_non_overlapping_and_dense(), "a collective needs a dense tensor");
}

// MPI counts are int: larger tensors go in pieces, in the same order on every rank.
template <class Call>
void for_each_piece(at::Tensor& tensor, Call call) {
  constexpr int64_t kPiece = int64_t{1} << 28;
  char* data = static_cast<char*>(tensor.data_ptr());
  for (int64_t first = 0; first < tensor.numel(); first += kPiece) {
    const int64_t count = std::min(kPiece, tensor.numel() - first);
    call(data + first * tensor.element_size(), static_cast<int>(count));
  }
}

}  // namespace

MpiCommunicator::MpiCommunicator(std::unique_ptr<MpiControl> control, bool is_beside)
    : Communicator(std::move(control)),
      control_(static_cast<MpiControl&>(Communicator::control())),
      is_beside_(is_beside) {}

void MpiCommunicator::all_reduce(at::Tensor& tensor, Reduce reduce) {
  check_host_tensor(tensor);
  if (size() == 1) return;
  RECORD_USER_SCOPE("mpi all_reduce");
  const at::ScalarType type = tensor.scalar_type();
  {
    const auto entered = enter(Operation::kAllReduce, tensor);
    for_each_piece(tensor, [&](char* data, int count) {
      if (is_beside_) {
        MpiRing ring(control_, data, count, type, room_);
        ring.reduce(reduce);
        ring.gather();
      } else {
        control_.ranks().all_reduce(data, count, type, reduce);
      }
    });
  }
  if (reduce == Reduce::kMean) tensor.div_(size());
}

void MpiCommunicator::broadcast(at::Tensor& tensor, int root) {
  check_host_tensor(tensor);
  if (size() == 1) return;
  const auto entered = enter(Operation::kBroadcast, tensor);
  for_each_piece(tensor, [&](char* data, int count) {
    control_.ranks().broadcast(data, count, tensor.scalar_type(), root);
  });
}

at::Tensor MpiCommunicator::all_gather(const at::Tensor& tensor) {
  check_host_tensor(tensor);
  if (size() == 1) return tensor.clone();
  RECORD_USER_SCOPE("mpi all_gather");
  const at::Tensor own = tensor.contiguous();
  std::vector<int64_t> shape = own.sizes().vec();
  BBG_CHECK(!shape.empty(), "all_gather needs a first dimension to join along");
  BBG_CHECK(own.numel() <= INT_MAX, "all_gather of more than 2^31-1 elements a rank");
  shape[0] *= size();
  at::Tensor all = at::empty(shape, own.options());
  const auto entered = enter(Operation::kAllGather, own);
  control_.ranks().all_gather(own.data_ptr(), all.data_ptr(), static_cast<int>(own.numel()),
                              own.scalar_type());
  return all;
}

void MpiCommunicator::reduce_scatter(at::Tensor& tensor, Reduce reduce) {
  at::Tensor own = own_rows(tensor, rank(), size());
  check_host_tensor(tensor);
  if (size() == 1) return;
  RECORD_USER_SCOPE("mpi reduce_scatter");
  BBG_CHECK(tensor.numel() <= INT_MAX, "reduce_scatter of more than 2^31-1 elements");
  {
    const auto entered = enter(Operation::kReduceScatter, tensor);
    if (is_beside_) {
      MpiRing(control_, tensor.data_ptr(), static_cast<int>(tensor.numel()), tensor.scalar_type(),
              room_)
          .reduce(reduce);
    } else {
      const at::Tensor result = at::empty_like(own);
      control_.ranks().reduce_scatter(tensor.data_ptr(), result.data_ptr(),
                                      static_cast<int>(own.numel()), tensor.scalar_type(), reduce);
      own.copy_(result);
    }
  }
  if (reduce == Reduce::kMean) own.div_(size());
}

void MpiCommunicator::gather_in_place(at::Tensor& tensor) {
  const at::Tensor own = own_rows(tensor, rank(), size());
  check_host_tensor(tensor);
  if (size() == 1) return;
  RECORD_USER_SCOPE("mpi all_gather");
  BBG_CHECK(own.numel() <= INT_MAX, "all_gather of more than 2^31-1 elements a rank");
  const auto entered = enter(Operation::kAllGather, own);
  control_.ranks().all_gather(nullptr, tensor.data_ptr(), static_cast<int>(own.numel()),
                              tensor.scalar_type());
}

std::unique_ptr<Communicator> MpiCommunicator::split(const SplitOptions& options) {
  if (options.is_beside && !MpiGroup::serves_threads()) {
    throw core::UsageError("this MPI library serves one thread only, without MPI_THREAD_MULTIPLE",
                           "set comm.exchange to whole or buckets");
  }
  // The ranks of a host are in the order of all.
  const MpiGroup& within = options.by_host ? control_.host() : control_.ranks();
  return std::make_unique<MpiCommunicator>(
      std::make_unique<MpiControl>(within.split(options.group, rank()), control_.options(),
                                   options.purpose),
      options.is_beside);
}

void MpiCommunicator::interrupt() { control_.interrupt(); }

Watchdog::Guard MpiCommunicator::enter(Operation operation, const at::Tensor& tensor) {
  return {*control_.watchdog(), operation, static_cast<int64_t>(tensor.nbytes())};
}

std::unique_ptr<Communicator> make_mpi_communicator(const CommOptions& options) {
  return std::make_unique<MpiCommunicator>(
      std::make_unique<MpiControl>(MpiGroup::of_job(), options, ""), /*is_beside=*/false);
}

}  // namespace bbg::comm
