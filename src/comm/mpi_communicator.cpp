#include <ATen/record_function.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdio>
#include <numeric>
#include <thread>
#include <utility>

#include "comm/launcher.h"
#include "comm/make_communicator.h"
#include "comm/watchdog.h"
#include "core/error.h"
#include "core/unwinding.h"

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

// MPI has no bfloat16: each pair is added in float32 and rounded to nearest even. NaN stays NaN.
template <class Combine>
void combine_bfloat16(void* in, void* in_out, int* count, MPI_Datatype*) {
  const auto* from = static_cast<const at::BFloat16*>(in);
  auto* to = static_cast<at::BFloat16*>(in_out);
  for (int i = 0; i < *count; ++i) {
    to[i] = static_cast<at::BFloat16>(
        Combine{}(static_cast<float>(to[i]), static_cast<float>(from[i])));
  }
}
struct Larger {
  float operator()(float a, float b) const { return a > b || a != a ? a : b; }
};

// How MPI sends and reduces the elements of a tensor.
struct Elements {
  MPI_Datatype type;
  MPI_Op sum = MPI_SUM, max = MPI_MAX;

  MPI_Op operation(Reduce reduce) const { return reduce == Reduce::kMax ? max : sum; }
};

const Elements& bfloat16_elements() {
  // Made once and left to MPI_Finalize.
  static const Elements elements = [] {
    Elements made{};
    check(MPI_Type_contiguous(sizeof(at::BFloat16), MPI_BYTE, &made.type), "MPI_Type_contiguous",
          -1);
    check(MPI_Type_commit(&made.type), "MPI_Type_commit", -1);
    check(MPI_Op_create(combine_bfloat16<std::plus<float>>, /*commute=*/1, &made.sum),
          "MPI_Op_create", -1);
    check(MPI_Op_create(combine_bfloat16<Larger>, /*commute=*/1, &made.max), "MPI_Op_create", -1);
    return made;
  }();
  return elements;
}

Elements elements_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return {MPI_FLOAT};
    case at::kDouble:
      return {MPI_DOUBLE};
    case at::kBFloat16:
      return bfloat16_elements();
    case at::kLong:
      return {MPI_INT64_T};
    case at::kInt:
      return {MPI_INT32_T};
    case at::kByte:
      return {MPI_UINT8_T};
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
  explicit MpiCommunicator(const CommOptions& options) : options_(options) {
    check(MPI_Comm_dup(MPI_COMM_WORLD, &ranks_), "MPI_Comm_dup", -1);
    attach();
  }

  MpiCommunicator(const MpiCommunicator& parent, const SplitOptions& split)
      : options_(parent.options_), purpose_(split.purpose), is_beside_(split.is_beside) {
    MPI_Comm within = parent.ranks_;
    if (split.by_host) within = parent.host_;  // its ranks are in the order of the parent's
    check(MPI_Comm_split(within, split.group, parent.rank_, &ranks_), "MPI_Comm_split",
          parent.in_job_);
    attach();
  }

  ~MpiCommunicator() override {
    watchdog_.reset();
    // What follows waits for the other ranks, which may not come.
    if (is_interrupted_ || unwinding_.is_under_way()) return;
    MPI_Win_free(&window_);
    MPI_Comm_free(&host_);
    MPI_Comm_free(&ranks_);
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
    const Elements elements = elements_of(tensor);
    for_each_piece(tensor, Operation::kAllReduce, [&](char* data, int count) {
      if (is_beside_) {
        Ring ring(data, count, tensor.element_size(), elements.type, *this);
        ring.reduce(elements.operation(reduce));
        ring.gather();
      } else {
        check(MPI_Allreduce(MPI_IN_PLACE, data, count, elements.type, elements.operation(reduce),
                            ranks_),
              "MPI_Allreduce", in_job_);
      }
    });
    if (reduce == Reduce::kMean) tensor.div_(size_);
  }

  void broadcast(at::Tensor& tensor, int root) override {
    check_host_tensor(tensor);
    if (size_ == 1) return;
    const Elements elements = elements_of(tensor);
    for_each_piece(tensor, Operation::kBroadcast, [&](char* data, int count) {
      check(MPI_Bcast(data, count, elements.type, root, ranks_), "MPI_Bcast", in_job_);
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
    const Elements elements = elements_of(own);
    check(MPI_Allgather(own.data_ptr(), count, elements.type, all.data_ptr(), count, elements.type,
                        ranks_),
          "MPI_Allgather", in_job_);
    return all;
  }

  void reduce_scatter(at::Tensor& tensor, Reduce reduce) override {
    at::Tensor own = own_rows(tensor, rank_, size_);
    check_host_tensor(tensor);
    if (size_ == 1) return;
    RECORD_USER_SCOPE("mpi reduce_scatter");
    BBG_CHECK(tensor.numel() <= INT_MAX, "reduce_scatter of more than 2^31-1 elements");
    {
      const Watchdog::Guard entered(*watchdog_, Operation::kReduceScatter,
                                    static_cast<int64_t>(tensor.nbytes()));
      const Elements elements = elements_of(tensor);
      const MPI_Op operation = elements.operation(reduce);
      if (is_beside_) {
        Ring ring(static_cast<char*>(tensor.data_ptr()), static_cast<int>(tensor.numel()),
                  tensor.element_size(), elements.type, *this);
        ring.reduce(operation);
      } else {
        const at::Tensor result = at::empty_like(own);
        check(MPI_Reduce_scatter_block(tensor.data_ptr(), result.data_ptr(),
                                       static_cast<int>(own.numel()), elements.type, operation,
                                       ranks_),
              "MPI_Reduce_scatter_block", in_job_);
        own.copy_(result);
      }
    }
    if (reduce == Reduce::kMean) own.div_(size_);
  }

  void gather_in_place(at::Tensor& tensor) override {
    const at::Tensor own = own_rows(tensor, rank_, size_);
    check_host_tensor(tensor);
    if (size_ == 1) return;
    RECORD_USER_SCOPE("mpi all_gather");
    BBG_CHECK(own.numel() <= INT_MAX, "all_gather of more than 2^31-1 elements a rank");
    const Watchdog::Guard entered(*watchdog_, Operation::kAllGather,
                                  static_cast<int64_t>(own.nbytes()));
    const Elements elements = elements_of(tensor);
    check(MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, tensor.data_ptr(),
                        static_cast<int>(own.numel()), elements.type, ranks_),
          "MPI_Allgather", in_job_);
  }

  void barrier() override {
    const Watchdog::Guard guard(*watchdog_, Operation::kBarrier, 0);
    check(MPI_Barrier(ranks_), "MPI_Barrier", in_job_);
  }

  std::vector<std::string> all_gather_text(const std::string& text) override {
    BBG_CHECK(text.size() < INT_MAX, "text too long to gather");
    const int own = static_cast<int>(text.size());
    std::vector<int> lengths(static_cast<size_t>(size_)), offsets(static_cast<size_t>(size_), 0);
    const Watchdog::Guard guard(*watchdog_, Operation::kText, -1);
    check(MPI_Allgather(&own, 1, MPI_INT, lengths.data(), 1, MPI_INT, ranks_), "MPI_Allgather",
          in_job_);
    for (size_t i = 1; i < lengths.size(); ++i) offsets[i] = offsets[i - 1] + lengths[i - 1];
    std::string joined(static_cast<size_t>(offsets.back() + lengths.back()), '\0');
    check(MPI_Allgatherv(text.data(), own, MPI_CHAR, joined.data(), lengths.data(), offsets.data(),
                         MPI_CHAR, ranks_),
          "MPI_Allgatherv", in_job_);
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
    check(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, ranks_), "MPI_Allreduce", in_job_);
    return all == 1;
  }

  std::unique_ptr<Communicator> split(const SplitOptions& options) override {
    int provided = 0;
    check(MPI_Query_thread(&provided), "MPI_Query_thread", in_job_);
    if (options.is_beside && provided < MPI_THREAD_MULTIPLE) {
      throw core::UsageError("this MPI library serves one thread only, without MPI_THREAD_MULTIPLE",
                             "set comm.exchange to whole or buckets");
    }
    return std::make_unique<MpiCommunicator>(*this, options);
  }
  void interrupt() override { is_interrupted_ = true; }

  std::string newest() const override { return watchdog_->newest(); }
  Watchdog* watchdog() override { return watchdog_.get(); }
  [[noreturn]] void abort(int exit_code) override {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  // All-reduce in two halves, as a ring: in size - 1 rounds each part of the data goes once around
  // and gathers its sum, the last at its own rank; in size - 1 more every rank gets the finished
  // parts. The order of summation of a part starts with the rank behind its own. (MPI_Iallreduce of
  // Open MPI 4.1 sends all of the data one way and then back on two and three ranks, which takes
  // twice as long.)
  class Ring {
   public:
    Ring(char* data, int count, int64_t element, MPI_Datatype type, MpiCommunicator& owner)
        : data_(data), count_(count), element_(element), type_(type), owner_(owner) {}

    // Leaves the rank's own part.
    void reduce(MPI_Op operation) {
      std::vector<char>& received = owner_.received_;
      received.resize(static_cast<size_t>((count_ / owner_.size_ + 1) * element_));
      for (int round = 0; round < owner_.size_ - 1; ++round) {
        const int part = owner_.rank_ - round - 2;
        exchange(part + 1, received.data(), length(part));
        check(MPI_Reduce_local(received.data(), begin(part), length(part), type_, operation),
              "MPI_Reduce_local", owner_.in_job_);
      }
    }

    void gather() {
      for (int round = 0; round < owner_.size_ - 1; ++round) {
        const int part = owner_.rank_ - round - 1;
        exchange(part + 1, begin(part), length(part));
      }
    }

   private:
    // Parts by number, modulo size.
    int64_t border(int index) const { return int64_t{count_} * index / owner_.size_; }
    int index_of(int part) const { return (part + 2 * owner_.size_) % owner_.size_; }
    char* begin(int part) const { return data_ + border(index_of(part)) * element_; }
    int length(int part) const {
      return static_cast<int>(border(index_of(part) + 1) - border(index_of(part)));
    }
    void exchange(int sent, void* into, int length_received) {
      const int rank = owner_.rank_, size = owner_.size_;
      std::array<MPI_Request, 2> requests{MPI_REQUEST_NULL, MPI_REQUEST_NULL};
      check(MPI_Irecv(into, length_received, type_, (rank + size - 1) % size, 0, owner_.ranks_,
                      &requests[0]),
            "MPI_Irecv", owner_.in_job_);
      check(MPI_Isend(begin(sent), length(sent), type_, (rank + 1) % size, 0, owner_.ranks_,
                      &requests[1]),
            "MPI_Isend", owner_.in_job_);
      owner_.wait_aside(requests);
    }

    char* data_;
    int count_;
    int64_t element_;
    MPI_Datatype type_;
    MpiCommunicator& owner_;
  };

  // Looks now and then, so that the core is free for who computes.
  void wait_aside(std::array<MPI_Request, 2>& requests) {
    using namespace std::chrono_literals;
    auto pause = 10us;
    for (int is_done = 0;;) {
      check(MPI_Testall(2, requests.data(), &is_done, MPI_STATUSES_IGNORE), "MPI_Testall", in_job_);
      if (is_done) return;
      if (is_interrupted_) {
        throw core::SystemError({.call = "MPI_Testall",
                                 .object = "",
                                 .cause = "given up, as this rank has failed elsewhere",
                                 .restart_can_help = true,
                                 .rank = in_job_});
      }
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, 100us);
    }
  }

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

  void attach() {
    check(MPI_Comm_set_errhandler(ranks_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", -1);
    check(MPI_Comm_rank(ranks_, &rank_), "MPI_Comm_rank", -1);
    check(MPI_Comm_size(ranks_, &size_), "MPI_Comm_size", -1);
    check(MPI_Comm_rank(MPI_COMM_WORLD, &in_job_), "MPI_Comm_rank", -1);
    check(MPI_Comm_split_type(ranks_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host_),
          "MPI_Comm_split_type", in_job_);
    check(MPI_Comm_rank(host_, &local_rank_), "MPI_Comm_rank", in_job_);
    check(MPI_Comm_size(host_, &local_size_), "MPI_Comm_size", in_job_);
    std::vector<int> members(static_cast<size_t>(size_));
    check(MPI_Allgather(&in_job_, 1, MPI_INT, members.data(), 1, MPI_INT, ranks_), "MPI_Allgather",
          in_job_);
    attach_board(std::move(members));
  }

  void attach_board(std::vector<int> members) {
    void* own = nullptr;
    check(MPI_Win_allocate_shared(sizeof(BoardEntry), sizeof(BoardEntry), MPI_INFO_NULL, host_,
                                  &own, &window_),
          "MPI_Win_allocate_shared", in_job_);
    MPI_Aint bytes = 0;
    int unit = 0;
    void* first = nullptr;
    check(MPI_Win_shared_query(window_, 0, &bytes, &unit, &first), "MPI_Win_shared_query", in_job_);
    new (own) BoardEntry{};
    // Default allocation is contiguous in rank order, so the host's entries form an array.
    check(MPI_Barrier(host_), "MPI_Barrier", in_job_);
    int64_t job = std::chrono::system_clock::now().time_since_epoch().count();
    check(MPI_Bcast(&job, 1, MPI_INT64_T, 0, ranks_), "MPI_Bcast", in_job_);
    watchdog_ = std::make_unique<Watchdog>(in_job_, size_, static_cast<BoardEntry*>(first),
                                           local_size_, local_rank_,
                                           WatchdogOptions{.deadline_ms = options_.deadline_ms,
                                                           .dump_folder = options_.dump_folder,
                                                           .purpose = purpose_,
                                                           .members = std::move(members),
                                                           .job = job,
                                                           .on_expire = {}});
    check(MPI_Barrier(host_), "MPI_Barrier", in_job_);
  }

  CommOptions options_;
  std::string purpose_;
  bool is_beside_ = false;
  std::atomic<bool> is_interrupted_ = false;
  core::Unwinding unwinding_;
  std::vector<char> received_;  // of Ring
  MPI_Comm ranks_ = MPI_COMM_NULL, host_ = MPI_COMM_NULL;
  MPI_Win window_ = MPI_WIN_NULL;
  // in_job_: this rank's number in MPI_COMM_WORLD, for messages
  int rank_ = 0, size_ = 1, in_job_ = 0, local_rank_ = 0, local_size_ = 1;
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace

void CommOptions::declare(core::OptionTable& table) {
  table.add("comm.backend", &backend,
            {{"auto", Backend::kAuto}, {"mpi", Backend::kMpi}, {"nccl", Backend::kNccl}},
            "What carries gradients: auto takes nccl on a GPU, else mpi");
  table
      .add("comm.deadline-ms", &deadline_ms,
           "Longest wait in one collective before the job ends with exit code 75; 0 waits for ever")
      .unit("ms")
      .at_least(0);
}

MpiSession::MpiSession() {
  const Launcher launcher = find_launcher();
  launcher.check_server();
  if (launcher.is_lone_step) hide_lone_step();
  check_temporary_folder(launcher);
  if (!launcher.note.empty()) std::fprintf(stderr, "note: %s\n", launcher.note.c_str());
  int provided = 0;
  // More than one thread is for an exchange in the background alone; split() asks what there is.
  const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
  if (code != MPI_SUCCESS || provided < MPI_THREAD_FUNNELED) {
    throw core::SystemError({.call = "MPI_Init_thread",
                             .object = "",
                             .cause = "MPI_THREAD_FUNNELED is not available",
                             .code = code});
  }
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", -1);
  int size = 1;
  check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size", -1);
  try {
    launcher.check_size(size);
  } catch (const core::UsageError&) {
    MPI_Finalize();
    throw;
  }
}

MpiSession::~MpiSession() { MPI_Finalize(); }

std::unique_ptr<Communicator> make_mpi_communicator(const CommOptions& options) {
  return std::make_unique<MpiCommunicator>(options);
}

}  // namespace bbg::comm
