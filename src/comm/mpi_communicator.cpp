#include <ATen/record_function.h>
#include <mpi.h>

#include <chrono>
#include <climits>

#include "comm/make_communicator.h"
#include "comm/watchdog.h"
#include "core/error.h"

namespace bbg::comm {

namespace {

void check(int code, const char* call, int rank) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw core::SystemError({.call = call,
                           .object = "",
                           .cause = std::string(text, static_cast<size_t>(length)),
                           .code = code,
                           .restart_can_help = true,
                           .rank = rank});
}

MPI_Datatype type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kLong:
      return MPI_INT64_T;
    case at::kInt:
      return MPI_INT32_T;
    case at::kByte:
      return MPI_UINT8_T;
    default:
      break;
  }
  BBG_CHECK(false,
            std::string("MPI cannot send tensors of type ") + at::toString(tensor.scalar_type()));
}

void check_host_tensor(const at::Tensor& tensor) {
  BBG_CHECK(tensor.device().is_cpu(), "MPI is used on host memory only");
  BBG_CHECK(tensor.is_non_overlapping_and_dense(), "a collective needs a dense tensor");
}

class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(const CommOptions& options) {
    check(MPI_Comm_dup(MPI_COMM_WORLD, &world_), "MPI_Comm_dup", -1);
    check(MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", rank_);
    check(MPI_Comm_rank(world_, &rank_), "MPI_Comm_rank", rank_);
    check(MPI_Comm_size(world_, &size_), "MPI_Comm_size", rank_);
    check(MPI_Comm_split_type(world_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host_),
          "MPI_Comm_split_type", rank_);
    check(MPI_Comm_rank(host_, &local_rank_), "MPI_Comm_rank", rank_);
    check(MPI_Comm_size(host_, &local_size_), "MPI_Comm_size", rank_);
    attach_board(options);
  }

  ~MpiCommunicator() override {
    watchdog_.reset();
    MPI_Win_free(&window_);
    MPI_Comm_free(&host_);
    MPI_Comm_free(&world_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return local_rank_; }
  int local_size() const override { return local_size_; }
  std::string name() const override { return "mpi"; }

  void all_reduce(at::Tensor& tensor, Reduce reduce) override {
    check_host_tensor(tensor);
    if (size_ == 1) return;
    RECORD_USER_SCOPE("mpi all_reduce");
    const MPI_Op operation = reduce == Reduce::kMax ? MPI_MAX : MPI_SUM;
    const MPI_Datatype type = type_of(tensor);
    for_each_piece(tensor, Operation::kAllReduce, [&](char* data, int count) {
      check(MPI_Allreduce(MPI_IN_PLACE, data, count, type, operation, world_), "MPI_Allreduce",
            rank_);
    });
    if (reduce == Reduce::kMean) tensor.div_(size_);
  }

  void broadcast(at::Tensor& tensor, int root) override {
    check_host_tensor(tensor);
    if (size_ == 1) return;
    const MPI_Datatype type = type_of(tensor);
    for_each_piece(tensor, Operation::kBroadcast, [&](char* data, int count) {
      check(MPI_Bcast(data, count, type, root, world_), "MPI_Bcast", rank_);
    });
  }

  at::Tensor all_gather(const at::Tensor& tensor) override {
    check_host_tensor(tensor);
    if (size_ == 1) return tensor.clone();
    RECORD_USER_SCOPE("mpi all_gather");
    const at::Tensor own = tensor.contiguous();
    std::vector<int64_t> shape = own.sizes().vec();
    BBG_CHECK(!shape.empty(), "all_gather needs a first dimension to join along");
    BBG_CHECK(own.numel() <= INT_MAX, "all_gather of more than 2^31-1 elements a rank");
    shape[0] *= size_;
    at::Tensor all = at::empty(shape, own.options());
    const int count = static_cast<int>(own.numel());
    const Watchdog::Guard entered(*watchdog_, Operation::kAllGather,
                                  static_cast<int64_t>(own.nbytes()));
    check(MPI_Allgather(own.data_ptr(), count, type_of(own), all.data_ptr(), count, type_of(own),
                        world_),
          "MPI_Allgather", rank_);
    return all;
  }

  void barrier() override {
    const Watchdog::Guard guard(*watchdog_, Operation::kBarrier, 0);
    check(MPI_Barrier(world_), "MPI_Barrier", rank_);
  }

  std::vector<std::string> all_gather_text(const std::string& text) override {
    BBG_CHECK(text.size() < INT_MAX, "text too long to gather");
    const int own = static_cast<int>(text.size());
    std::vector<int> lengths(static_cast<size_t>(size_)), offsets(static_cast<size_t>(size_), 0);
    const Watchdog::Guard guard(*watchdog_, Operation::kText, -1);
    check(MPI_Allgather(&own, 1, MPI_INT, lengths.data(), 1, MPI_INT, world_), "MPI_Allgather",
          rank_);
    for (size_t i = 1; i < lengths.size(); ++i) offsets[i] = offsets[i - 1] + lengths[i - 1];
    std::string joined(static_cast<size_t>(offsets.back() + lengths.back()), '\0');
    check(MPI_Allgatherv(text.data(), own, MPI_CHAR, joined.data(), lengths.data(), offsets.data(),
                         MPI_CHAR, world_),
          "MPI_Allgatherv", rank_);
    std::vector<std::string> all;
    for (size_t i = 0; i < lengths.size(); ++i) {
      all.push_back(
          joined.substr(static_cast<size_t>(offsets[i]), static_cast<size_t>(lengths[i])));
    }
    return all;
  }

  bool agree(bool ready) override {
    int all = ready ? 1 : 0;
    const Watchdog::Guard guard(*watchdog_, Operation::kAgree, sizeof all);
    check(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, world_), "MPI_Allreduce", rank_);
    return all == 1;
  }

  [[noreturn]] void abort(int exit_code) override {
    MPI_Abort(world_, exit_code);
    std::_Exit(exit_code);
  }

 private:
  // MPI counts are int: larger tensors go in pieces, in the same order on every rank.
  template <class Call>
  void for_each_piece(at::Tensor& tensor, Operation operation, Call call) {
    constexpr int64_t kPiece = int64_t{1} << 28;
    const Watchdog::Guard guard(*watchdog_, operation, static_cast<int64_t>(tensor.nbytes()));
    char* data = static_cast<char*>(tensor.data_ptr());
    for (int64_t first = 0; first < tensor.numel(); first += kPiece) {
      const int64_t count = std::min(kPiece, tensor.numel() - first);
      call(data + first * tensor.element_size(), static_cast<int>(count));
    }
  }

  void attach_board(const CommOptions& options) {
    void* own = nullptr;
    check(MPI_Win_allocate_shared(sizeof(BoardEntry), sizeof(BoardEntry), MPI_INFO_NULL, host_,
                                  &own, &window_),
          "MPI_Win_allocate_shared", rank_);
    MPI_Aint bytes = 0;
    int unit = 0;
    void* first = nullptr;
    check(MPI_Win_shared_query(window_, 0, &bytes, &unit, &first), "MPI_Win_shared_query", rank_);
    new (own) BoardEntry{};
    // Default allocation is contiguous in rank order, so the host's entries form an array.
    check(MPI_Barrier(host_), "MPI_Barrier", rank_);
    int64_t job = std::chrono::system_clock::now().time_since_epoch().count();
    check(MPI_Bcast(&job, 1, MPI_INT64_T, 0, world_), "MPI_Bcast", rank_);
    watchdog_ = std::make_unique<Watchdog>(rank_, size_, static_cast<BoardEntry*>(first),
                                           local_size_, local_rank_,
                                           WatchdogOptions{.deadline_ms = options.deadline_ms,
                                                           .dump_folder = options.dump_folder,
                                                           .job = job,
                                                           .on_expire = {}});
    check(MPI_Barrier(host_), "MPI_Barrier", rank_);
  }

  MPI_Comm world_ = MPI_COMM_NULL, host_ = MPI_COMM_NULL;
  MPI_Win window_ = MPI_WIN_NULL;
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1;
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace

void CommOptions::declare(core::OptionTable& table) {
  table.add("comm.backend", &backend, "What carries gradients: auto takes nccl on a GPU, else mpi")
      .one_of({"auto", "mpi", "nccl"});
  table
      .add("comm.deadline-ms", &deadline_ms,
           "Longest wait in one collective before the job ends with exit code 75; 0 waits for ever")
      .unit("ms")
      .at_least(0);
}

MpiSession::MpiSession() {
  int provided = 0;
  const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  if (code != MPI_SUCCESS || provided < MPI_THREAD_FUNNELED) {
    throw core::SystemError({.call = "MPI_Init_thread",
                             .object = "",
                             .cause = "MPI_THREAD_FUNNELED is not available",
                             .code = code});
  }
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", -1);
}

MpiSession::~MpiSession() { MPI_Finalize(); }

std::unique_ptr<Communicator> make_mpi_communicator(const CommOptions& options) {
  return std::make_unique<MpiCommunicator>(options);
}

}  // namespace bbg::comm
