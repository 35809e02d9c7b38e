#include "comm/mpi_ring.h"

namespace bbg::comm {

MpiRing::MpiRing(MpiControl& control, void* data, int count, at::ScalarType type,
                 std::vector<char>& room)
    : control_(control),
      data_(static_cast<char*>(data)),
      count_(count),
      type_(type),
      room_(room),
      element_bytes_(static_cast<int64_t>(c10::elementSize(type))),
      rank_(control.rank()),
      size_(control.size()) {}

void MpiRing::reduce(Reduce reduce) {
  room_.resize(static_cast<size_t>((count_ / size_ + 1) * element_bytes_));
  for (int round = 0; round < size_ - 1; ++round) {
    const int part = rank_ - round - 2;
    exchange(part + 1, room_.data(), part);
    control_.ranks().reduce_local(room_.data(), begin(part), length(part), type_, reduce);
  }
}

void MpiRing::gather() {
  for (int round = 0; round < size_ - 1; ++round) {
    const int part = rank_ - round - 1;
    exchange(part + 1, begin(part), part);
  }
}

void MpiRing::exchange(int sent, void* into, int part) {
  control_.ranks().pass_on(begin(sent), length(sent), into, length(part), type_,
                           [this] { return control_.is_interrupted(); });
}

}  // namespace bbg::comm
