#include "measure/training_neighbours.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "measure/standing.h"
#include "ops/cpu_ops.h"
#include "tests/support/threads_communicator.h"
#include "tests/unit/measure/small_subject.h"
#include "train/step.h"

namespace bbg::measure {
namespace {

class TrainingNeighbours : public ::testing::TestWithParam<const char*> {
 protected:
  TrainingNeighbours() {
    std::vector<std::string> options = small_options(GetParam());
    for (const char* word : {"--eval.batch", "7"}) options.push_back(word);
    config_.parse(options);
  }

  test::TemporaryFolder folder_;
  data::ShardSet train_ = random_images(folder_ / "train", 40);
  data::ShardSet test_ = random_images(folder_ / "test", 18);
  run::RunConfig config_;
};
INSTANTIATE_TEST_SUITE_P(Systems, TrainingNeighbours, ::testing::Values("bigbigan", "gan"));

TEST_P(TrainingNeighbours, AreThoseOfBruteForceOnAnyRanksAndAnImageIsItsOwn) {
  const at::NoGradGuard no_grad;
  for (const int size : {1, 2, 3}) {
    testing::run_ranks(size, [&](comm::Communicator& ranks) {
      EvaluationProgress silent;
      ops::CpuOps cpu;
      const Context context{config_.measuring(), ranks, cpu, at::TensorOptions(at::kFloat), silent};
      model::Nets nets = model::make_nets(config_.model, context.backend(), 1);
      const Subject subject = subject_of(nets);
      const Images images(context, train_, &test_);
      if (subject.encoder != nullptr) make_standing(context, images, *subject.encoder);

      const at::Tensor all = images.read(images.train(), 0, 40).images;
      const at::Tensor of = all.index_select(0, at::tensor({31, 4}, at::kLong));
      const auto found = nearest_training_images(context, images, subject, of, 3);
      const auto points = [&](const at::Tensor& x) {
        return subject.encoder == nullptr ? x.flatten(1) : subject.encoder->forward(x).feature;
      };
      const at::Tensor distances =
          at::cdist(points(of).to(at::kDouble), points(all).to(at::kDouble), 2, /*compute_mode=*/2);
      const at::Tensor order = std::get<1>(distances.sort(1));
      for (int64_t i = 0; i < 2; ++i) {
        ASSERT_EQ(found[static_cast<size_t>(i)].size(), 3u);
        EXPECT_EQ(found[static_cast<size_t>(i)][0], i == 0 ? 31 : 4);
        for (int64_t j = 0; j < 3; ++j) {
          EXPECT_EQ(found[static_cast<size_t>(i)][static_cast<size_t>(j)],
                    order[i][j].item<int64_t>());
        }
      }
      EXPECT_EQ(nearest_training_images(context, images, subject, of, 100)[0].size(), 40u);
    });
  }
}

}  // namespace
}  // namespace bbg::measure
