#pragma once
// The frame of tests on a GPU. They are skipped where there is none. All work is on one stream that
// is not the default one. cuDNN's kernels are those that repeat bit for bit, as in bbg_dist.

#include <ATen/Context.h>
#include <c10/cuda/CUDAGuard.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "comm/make_communicator.h"
#include "ops/ops.h"
#include "support/has_gpu.h"

namespace bbg::testing {

template <class Base>
class OnGpu : public Base {
 protected:
  static void SetUpTestSuite() {
    if (has_gpu()) ops_ = ops::make_ops(at::Device(at::kCUDA, 0));
  }
  static void TearDownTestSuite() { ops_.reset(); }

  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << kNoGpu;
    at::globalContext().setDeterministicCuDNN(true);
    stream_.emplace(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device_.index()));
    control_ = comm::make_mpi_communicator({});
    communicator_ = comm::make_data_plane({}, device_, *control_);
  }

  const at::Device device_{at::kCUDA, 0};
  std::optional<c10::cuda::CUDAStreamGuard> stream_;
  // On host memory, and on the GPU's.
  std::unique_ptr<comm::Communicator> control_, communicator_;
  // Shared by all tests of the suite, which so compile its kernels once.
  inline static std::unique_ptr<ops::Ops> ops_;
};

}  // namespace bbg::testing
