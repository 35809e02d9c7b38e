// The NCCL communicator on a GPU: the same contract as MPI's, and the same training as on the CPU.
// Run alone, and by two ranks that share one GPU (tests/CMakeLists.txt).
#include <ATen/Context.h>
#include <gtest/gtest.h>

#include "comm/make_communicator.h"
#include "support/communicator_contract.h"
#include "train/step.h"

namespace bbg {
namespace {

class NcclCommunicator : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA() || at::getNumGPUs() == 0) GTEST_SKIP() << "no GPU on this machine";
    control_ = comm::make_mpi_communicator({});
    communicator_ = comm::make_data_plane({}, device_, *control_);
  }
  const at::Device device_{at::kCUDA, 0};
  std::unique_ptr<comm::Communicator> control_, communicator_;
};

TEST_F(NcclCommunicator, KeepsTheContract) {
  EXPECT_EQ(communicator_->name(), "nccl");
  testing::expect_communicator_contract(*communicator_, device_);
}

TEST_F(NcclCommunicator, LoadsTheVersionItWasBuiltAgainst) {
  EXPECT_EQ(comm::nccl_version(), "2.28.9");
}

core::StateDict train(comm::Communicator& communicator, at::TensorOptions tensor_options) {
  model::ModelOptions model;
  model.z_dim = 8;
  model.width = model.e_width = 4;
  model.e_head_width = model.h_width = model.j_width = 8;
  train::TrainOptions options;
  options.adam_eps = 1e-6;  // biases in front of a norm: docs/choices.md C5
  train::TrainState state(model, options, communicator, 1, tensor_options);
  train::Step step(state, model, options, {});
  const int64_t share = 8 / communicator.size(), first = share * communicator.rank();
  for (int64_t draw = 0; draw < 10; ++draw) {
    core::Batch batch;
    batch.images = at::sin(at::arange(8 * 3 * 32 * 32, at::kDouble) * (0.01 + 0.003 * draw))
                       .view({8, 3, 32, 32})
                       .narrow(0, first, share)
                       .to(tensor_options);
    const train::Noise noise = train::make_noise(1, draw, {first, share}, model, tensor_options);
    if (draw % 2 == 0) {
      step.update_discriminator(batch, noise, 2e-4);
    } else {
      step.update_generator_encoder(batch, noise, 5e-5, 5e-5);
    }
  }
  return state.to_state_dict();
}

TEST_F(NcclCommunicator, TrainsAsTheCpuDoes) {
  const core::StateDict gpu = train(*communicator_, at::TensorOptions(device_).dtype(at::kDouble));
  const core::StateDict cpu = train(*control_, at::kDouble);
  for (size_t i = 0; i < cpu.tensors.size(); ++i) {
    const auto& [name, expected] = cpu.tensors[i];
    // float64 sums in another order, amplified by Adam.
    EXPECT_TRUE(at::allclose(gpu.tensors[i].second, expected, 1e-8, 1e-8)) << name;
  }
}

}  // namespace
}  // namespace bbg
