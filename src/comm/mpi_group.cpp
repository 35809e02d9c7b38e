#include "comm/mpi_group.h"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <functional>
#include <thread>
#include <utility>

#include "comm/mpi_error.h"
#include "core/error.h"

namespace bbg::comm {

namespace {

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
    check_mpi(MPI_Type_contiguous(sizeof(at::BFloat16), MPI_BYTE, &made.type),
              "MPI_Type_contiguous", -1);
    check_mpi(MPI_Type_commit(&made.type), "MPI_Type_commit", -1);
    check_mpi(MPI_Op_create(combine_bfloat16<std::plus<float>>, /*commute=*/1, &made.sum),
              "MPI_Op_create", -1);
    check_mpi(MPI_Op_create(combine_bfloat16<Larger>, /*commute=*/1, &made.max), "MPI_Op_create",
              -1);
    return made;
  }();
  return elements;
}

Elements elements_of(at::ScalarType type) {
  switch (type) {
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
  BBG_CHECK(false, std::string("MPI cannot send tensors of type ") + at::toString(type));
}

}  // namespace

struct MpiGroup::Handles {
  MPI_Comm ranks = MPI_COMM_NULL;
  MPI_Win window = MPI_WIN_NULL;
  int rank = 0, size = 1, in_job = -1;

  void check(int code, const char* call) const { check_mpi(code, call, in_job); }

  void attach() {
    check(MPI_Comm_set_errhandler(ranks, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(ranks, &rank), "MPI_Comm_rank");
    check(MPI_Comm_size(ranks, &size), "MPI_Comm_size");
    check(MPI_Comm_rank(MPI_COMM_WORLD, &in_job), "MPI_Comm_rank");
  }
};

MpiGroup::MpiGroup(std::unique_ptr<Handles> handles) : handles_(std::move(handles)) {
  handles_->attach();
}
MpiGroup::MpiGroup(MpiGroup&&) noexcept = default;
MpiGroup::~MpiGroup() = default;

MpiGroup MpiGroup::of_job() {
  auto handles = std::make_unique<Handles>();
  handles->check(MPI_Comm_dup(MPI_COMM_WORLD, &handles->ranks), "MPI_Comm_dup");
  return MpiGroup(std::move(handles));
}

MpiGroup MpiGroup::split(int group, int order) const {
  auto handles = std::make_unique<Handles>();
  handles_->check(MPI_Comm_split(handles_->ranks, group, order, &handles->ranks), "MPI_Comm_split");
  return MpiGroup(std::move(handles));
}

MpiGroup MpiGroup::on_this_host() const {
  auto handles = std::make_unique<Handles>();
  handles_->check(MPI_Comm_split_type(handles_->ranks, MPI_COMM_TYPE_SHARED, handles_->rank,
                                      MPI_INFO_NULL, &handles->ranks),
                  "MPI_Comm_split_type");
  return MpiGroup(std::move(handles));
}

void MpiGroup::free() {
  if (handles_->window != MPI_WIN_NULL) MPI_Win_free(&handles_->window);
  MPI_Comm_free(&handles_->ranks);
}

int MpiGroup::rank() const { return handles_->rank; }
int MpiGroup::size() const { return handles_->size; }
int MpiGroup::in_job() const { return handles_->in_job; }

void MpiGroup::barrier() { handles_->check(MPI_Barrier(handles_->ranks), "MPI_Barrier"); }

void MpiGroup::all_reduce(void* data, int count, at::ScalarType type, Reduce reduce) {
  const Elements elements = elements_of(type);
  handles_->check(MPI_Allreduce(MPI_IN_PLACE, data, count, elements.type,
                                elements.operation(reduce), handles_->ranks),
                  "MPI_Allreduce");
}

void MpiGroup::broadcast(void* data, int count, at::ScalarType type, int root) {
  handles_->check(MPI_Bcast(data, count, elements_of(type).type, root, handles_->ranks),
                  "MPI_Bcast");
}

void MpiGroup::all_gather(const void* own, void* all, int count, at::ScalarType type) {
  const MPI_Datatype kind = elements_of(type).type;
  const int code =
      own == nullptr
          ? MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, count, kind, handles_->ranks)
          : MPI_Allgather(own, count, kind, all, count, kind, handles_->ranks);
  handles_->check(code, "MPI_Allgather");
}

void MpiGroup::reduce_scatter(const void* data, void* own, int count, at::ScalarType type,
                              Reduce reduce) {
  const Elements elements = elements_of(type);
  handles_->check(MPI_Reduce_scatter_block(data, own, count, elements.type,
                                           elements.operation(reduce), handles_->ranks),
                  "MPI_Reduce_scatter_block");
}

std::vector<std::string> MpiGroup::all_gather_text(const std::string& text) {
  BBG_CHECK(text.size() < INT_MAX, "text too long to gather");
  const std::vector<int> lengths = all_gather(static_cast<int>(text.size()));
  std::vector<int> offsets(lengths.size(), 0);
  for (size_t i = 1; i < lengths.size(); ++i) offsets[i] = offsets[i - 1] + lengths[i - 1];
  std::string joined(static_cast<size_t>(offsets.back() + lengths.back()), '\0');
  handles_->check(
      MPI_Allgatherv(text.data(), static_cast<int>(text.size()), MPI_CHAR, joined.data(),
                     lengths.data(), offsets.data(), MPI_CHAR, handles_->ranks),
      "MPI_Allgatherv");
  std::vector<std::string> all;
  for (size_t i = 0; i < lengths.size(); ++i) {
    all.push_back(joined.substr(static_cast<size_t>(offsets[i]), static_cast<size_t>(lengths[i])));
  }
  return all;
}

bool MpiGroup::all_of(bool own) {
  int all = own ? 1 : 0;
  handles_->check(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, handles_->ranks),
                  "MPI_Allreduce");
  return all == 1;
}

std::vector<int> MpiGroup::all_gather(int own) {
  std::vector<int> all(static_cast<size_t>(size()));
  handles_->check(MPI_Allgather(&own, 1, MPI_INT, all.data(), 1, MPI_INT, handles_->ranks),
                  "MPI_Allgather");
  return all;
}

void MpiGroup::reduce_local(const void* from, void* into, int count, at::ScalarType type,
                            Reduce reduce) {
  const Elements elements = elements_of(type);
  handles_->check(MPI_Reduce_local(from, into, count, elements.type, elements.operation(reduce)),
                  "MPI_Reduce_local");
}

void MpiGroup::pass_on(const void* send, int send_count, void* receive, int receive_count,
                       at::ScalarType type, const std::function<bool()>& is_given_up) {
  using namespace std::chrono_literals;
  const MPI_Datatype kind = elements_of(type).type;
  const int next = (rank() + 1) % size(), before = (rank() + size() - 1) % size();
  std::array<MPI_Request, 2> requests{MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  handles_->check(MPI_Irecv(receive, receive_count, kind, before, 0, handles_->ranks, &requests[0]),
                  "MPI_Irecv");
  handles_->check(MPI_Isend(send, send_count, kind, next, 0, handles_->ranks, &requests[1]),
                  "MPI_Isend");
  auto pause = 10us;
  for (int is_done = 0;;) {
    handles_->check(MPI_Testall(2, requests.data(), &is_done, MPI_STATUSES_IGNORE), "MPI_Testall");
    if (is_done) return;
    if (is_given_up()) {
      throw core::SystemError({.call = "MPI_Testall",
                               .object = "",
                               .cause = "given up, as this rank has failed elsewhere",
                               .restart_can_help = true,
                               .rank = in_job()});
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, 100us);
  }
}

MpiGroup::Shared MpiGroup::share(int64_t bytes) {
  Shared shared{};
  handles_->check(MPI_Win_allocate_shared(bytes, static_cast<int>(bytes), MPI_INFO_NULL,
                                          handles_->ranks, &shared.own, &handles_->window),
                  "MPI_Win_allocate_shared");
  MPI_Aint size = 0;
  int unit = 0;
  // Default allocation is contiguous in rank order.
  handles_->check(MPI_Win_shared_query(handles_->window, 0, &size, &unit, &shared.first),
                  "MPI_Win_shared_query");
  return shared;
}

bool MpiGroup::serves_threads() {
  int provided = 0;
  check_mpi(MPI_Query_thread(&provided), "MPI_Query_thread", -1);
  return provided >= MPI_THREAD_MULTIPLE;
}

void MpiGroup::abort_job(int exit_code) {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace bbg::comm
