// The bound on how far the host is ahead of a GPU.
#include "train/host_lead.h"

#include <ATen/ATen.h>

#include "support/gpu_test.h"

namespace bbg {
namespace {

using LeadOfTheHost = testing::OnGpu<::testing::Test>;

TEST_F(LeadOfTheHost, WaitsForAllButTheLastSteps) {
  at::Tensor matrix = at::rand({4096, 4096}, at::TensorOptions(device_));
  const auto work = [&] {
    for (int i = 0; i < 50; ++i) matrix = at::mm(matrix, matrix).clamp(-1, 1);
  };
  train::HostLead none(device_, 0, nullptr);
  work();
  none.end_step();
  EXPECT_TRUE(stream_->current_stream().query());

  train::HostLead one(device_, 1, nullptr);
  work();
  one.end_step();
  c10::Event first(device_.type());
  first.record(stream_->current_stream());
  work();
  one.end_step();
  EXPECT_TRUE(first.query());
}

}  // namespace
}  // namespace bbg
