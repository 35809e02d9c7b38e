#pragma once
// The contract of every Communicator, with integer-valued inputs whose sums are exact, so that a
// lost or doubled contribution cannot hide in a tolerance. Included by the test of each
// implementation; called on all ranks.

#include <gtest/gtest.h>

#include "comm/communicator.h"

namespace bbg::testing {

// Rows of all ranks, reduced to their ranks and gathered again, in place.
inline void expect_rows_in_place(comm::Communicator& communicator, const at::Tensor& pattern,
                                 const at::TensorOptions& options) {
  const int64_t rank = communicator.rank(), size = communicator.size();
  const at::Tensor numbers = at::arange(size, options).unsqueeze(1);
  at::Tensor rows = (pattern + rank).to(options).repeat({size, 1}) + numbers;
  communicator.reduce_scatter(rows, comm::Reduce::kSum);
  const at::Tensor total = (pattern * size + size * (size - 1) / 2).to(options);
  EXPECT_TRUE(at::equal(rows[rank], total + rank * size));
  communicator.gather_in_place(rows);
  EXPECT_TRUE(at::equal(rows, total + numbers * size));
  if (!at::isFloatingType(options.dtype().toScalarType())) return;
  at::Tensor means = (pattern * size + rank * size).to(options).repeat({size, 1});
  communicator.reduce_scatter(means, comm::Reduce::kMean);
  EXPECT_TRUE(at::equal(means[rank], total));
}

// Memory that the communicator gives, reduced in whole and in part.
inline at::Tensor expect_shared_zeros(comm::Communicator& communicator,
                                      const at::TensorOptions& options) {
  const int64_t rank = communicator.rank(), size = communicator.size();
  at::Tensor memory = communicator.shared_zeros(5000, options);
  EXPECT_TRUE(at::equal(memory, at::zeros({5000}, options)));
  memory.add_(rank);
  communicator.all_reduce(memory, comm::Reduce::kSum);
  at::Tensor expected = at::full({5000}, size * (size - 1) / 2, options);
  EXPECT_TRUE(at::equal(memory, expected));
  at::Tensor part = memory.narrow(0, 1003, 1700);
  communicator.all_reduce(part, comm::Reduce::kSum);
  expected.narrow(0, 1003, 1700).mul_(size);
  EXPECT_TRUE(at::equal(memory, expected));
  return memory;
}

inline void expect_communicator_contract(comm::Communicator& communicator,
                                         const at::Device& device) {
  const int64_t rank = communicator.rank(), size = communicator.size();
  ASSERT_GE(rank, 0);
  ASSERT_LT(rank, size);
  ASSERT_LT(communicator.local_rank(), communicator.local_size());
  expect_shared_zeros(communicator, at::TensorOptions(device).dtype(at::kFloat));
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kLong, at::kInt}) {
    const at::TensorOptions options = at::TensorOptions(device).dtype(type);
    for (const int64_t length : {int64_t{1}, int64_t{7}, int64_t{1000}, int64_t{1} << 20}) {
      SCOPED_TRACE(std::string(at::toString(type)) + " x " + std::to_string(length));
      const at::Tensor pattern =
          at::arange(length, at::TensorOptions(device).dtype(at::kLong)).remainder(1000);

      at::Tensor sum = (pattern + rank).to(options);
      communicator.all_reduce(sum, comm::Reduce::kSum);
      EXPECT_TRUE(at::equal(sum, (pattern * size + size * (size - 1) / 2).to(options)));

      at::Tensor largest = (pattern + rank * 3).to(options);
      communicator.all_reduce(largest, comm::Reduce::kMax);
      EXPECT_TRUE(at::equal(largest, (pattern + (size - 1) * 3).to(options)));

      if (at::isFloatingType(type)) {
        // size * (pattern + rank) summed and divided by size: exact.
        at::Tensor mean = ((pattern + rank) * size).to(options);
        communicator.all_reduce(mean, comm::Reduce::kMean);
        EXPECT_TRUE(at::equal(mean, (pattern * size + size * (size - 1) / 2).to(options)));
      }

      for (const int64_t root : {int64_t{0}, size - 1}) {
        at::Tensor spread = (pattern + 17 * rank).to(options);
        communicator.broadcast(spread, static_cast<int>(root));
        EXPECT_TRUE(at::equal(spread, (pattern + 17 * root).to(options)));
      }

      expect_rows_in_place(communicator, pattern, options);

      const at::Tensor gathered = communicator.all_gather((pattern + rank).to(options));
      ASSERT_EQ(gathered.size(0), size * length);
      for (int64_t r = 0; r < size; ++r) {
        EXPECT_TRUE(at::equal(gathered.narrow(0, r * length, length), (pattern + r).to(options)));
      }
    }
  }
  // bfloat16 holds whole numbers up to 256.
  const at::TensorOptions halves = at::TensorOptions(device).dtype(at::kBFloat16);
  at::Tensor short_sum = (at::arange(5, halves) + rank);
  at::Tensor short_max = short_sum.clone(), short_mean = short_sum * size;
  communicator.all_reduce(short_sum, comm::Reduce::kSum);
  communicator.all_reduce(short_max, comm::Reduce::kMax);
  communicator.all_reduce(short_mean, comm::Reduce::kMean);
  const at::Tensor expected_sum = at::arange(5, halves) * size + size * (size - 1) / 2;
  EXPECT_TRUE(at::equal(short_sum, expected_sum));
  EXPECT_TRUE(at::equal(short_max, at::arange(5, halves) + (size - 1)));
  EXPECT_TRUE(at::equal(short_mean, expected_sum));

  // Groups, and all ranks again beside them; both in use at once.
  const auto halved = communicator.split({.purpose = "group", .group = static_cast<int>(rank % 2)});
  const auto beside = communicator.split({.purpose = "beside", .is_beside = true});
  const auto neighbours = communicator.split({.purpose = "host", .by_host = true});
  EXPECT_EQ(neighbours->size(), communicator.local_size());
  EXPECT_EQ(neighbours->rank(), communicator.local_rank());
  const int64_t members = (size + 1 - rank % 2) / 2;
  EXPECT_EQ(halved->size(), members);
  EXPECT_EQ(halved->rank(), rank / 2);
  EXPECT_EQ(beside->size(), size);
  EXPECT_EQ(beside->rank(), rank);
  at::Tensor of_group = at::full({3}, rank, at::TensorOptions(device).dtype(at::kDouble));
  at::Tensor of_all = of_group.clone();
  halved->all_reduce(of_group, comm::Reduce::kSum);
  beside->all_reduce(of_all, comm::Reduce::kSum);
  // rank % 2 + 0, + 2, + 4, ...
  EXPECT_EQ(of_group[0].item<int64_t>(), members * (rank % 2) + members * (members - 1));
  EXPECT_EQ(of_all[0].item<int64_t>(), size * (size - 1) / 2);
  for (const int64_t length : {int64_t{1}, int64_t{1000}}) {
    expect_rows_in_place(*beside, at::arange(length, at::TensorOptions(device).dtype(at::kLong)),
                         at::TensorOptions(device).dtype(at::kFloat));
  }

  // Rows stay rows.
  const at::Tensor rows =
      communicator.all_gather(at::full({2, 3}, rank, at::TensorOptions(device).dtype(at::kFloat)));
  EXPECT_EQ(rows.sizes(), (std::vector<int64_t>{2 * size, 3}));

  communicator.barrier();
  const std::vector<std::string> texts =
      communicator.all_gather_text(std::string(static_cast<size_t>(rank) * 5, 'x'));
  ASSERT_EQ(texts.size(), static_cast<size_t>(size));
  for (size_t r = 0; r < texts.size(); ++r) EXPECT_EQ(texts[r], std::string(r * 5, 'x'));
  EXPECT_TRUE(communicator.agree(true));
  EXPECT_EQ(communicator.agree(rank != size - 1), false);
  EXPECT_FALSE(communicator.agree(false));
}

}  // namespace bbg::testing
