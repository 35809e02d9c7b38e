#include "eval/transfer.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "core/rng.h"
#include "eval/label_places.h"

namespace bbg::eval {
namespace {

at::Tensor normal(at::IntArrayRef shape, uint64_t stream) {
  at::Tensor values = at::empty(shape, at::kDouble);
  core::RandomStream random(5, core::Purpose::kEvaluate, stream, 0);
  random.fill_normal({values.data_ptr<double>(), static_cast<size_t>(values.numel())});
  return values;
}

TEST(Transfer, RateFallsAsThatOfCaffesAlexNet) {
  const TransferOptions options{.steps = 450'000, .rate = 0.01};
  const std::pair<int64_t, double> expected[] = {{0, 1e-2},       {99'999, 1e-2},  {100'000, 1e-3},
                                                 {199'999, 1e-3}, {200'000, 1e-4}, {300'000, 1e-5},
                                                 {400'000, 1e-6}, {449'999, 1e-6}};
  for (const auto& [step, rate] : expected) {
    EXPECT_DOUBLE_EQ(transfer_rate(options, step), rate) << step;
  }
  EXPECT_DOUBLE_EQ(transfer_rate({.steps = 1, .rate = 0.5}, 0), 0.5);
}

// A network of two layers, whose values and gradients lie flat, beside the same as tensors of their
// own, each of which autograd and the formulas of torch.optim.SGD change.
TEST(Transfer, StepsAsSgdOfPyTorch) {
  constexpr double kRate = 0.1, kMomentum = 0.9, kDecay = 0.05;
  const at::Tensor x = normal({6, 4}, 1), labels = at::tensor({0, 1, 2, 0, 1, 2}, at::kLong);
  const auto loss = [&](const at::Tensor& first, const at::Tensor& bias, const at::Tensor& second) {
    return at::cross_entropy_loss(at::relu(at::addmm(bias, x, first)).mm(second), labels);
  };
  const at::Tensor values = normal({4 * 5 + 5 + 5 * 3}, 2), gradients = at::zeros_like(values);
  const auto parts = [](const at::Tensor& flat) {
    return std::vector<at::Tensor>{flat.narrow(0, 0, 20).view({4, 5}), flat.narrow(0, 20, 5),
                                   flat.narrow(0, 25, 15).view({5, 3})};
  };
  std::vector<at::Tensor> own, momenta;
  for (const at::Tensor& part : parts(values)) {
    own.push_back(part.clone().set_requires_grad(true));
    momenta.push_back(at::zeros_like(part));
  }
  const std::vector<at::Tensor> flat = parts(values), gradient_parts = parts(gradients);
  MomentumSgd sgd(values, gradients, {{flat[0], gradient_parts[0]}, {flat[2], gradient_parts[2]}},
                  kMomentum, kDecay);
  for (int step = 0; step < 4; ++step) {
    const double rate = step < 2 ? kRate : kRate / 10;
    const auto found =
        torch::autograd::grad({loss(own[0], own[1], own[2])}, {own[0], own[1], own[2]});
    for (size_t i = 0; i < 3; ++i) {
      gradient_parts[i].copy_(found[i]);
      const at::Tensor decayed =
          i == 1 ? found[i] : found[i] + kDecay * own[i].detach();  // the bias is not
      momenta[i] = kMomentum * momenta[i] + decayed;
      own[i] = (own[i].detach() - rate * momenta[i]).set_requires_grad(true);
    }
    sgd.step(rate);
    // float64; sums may be fused or not.
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(at::allclose(flat[i], own[i], 0, 1e-14)) << step << " " << i;
    }
  }
}

TEST(Transfer, DropoutIsThatOfTheRowsWhoeverAsks) {
  const at::Tensor all = dropout(3, 7, 0, 64, 70);
  EXPECT_TRUE(at::equal(all.narrow(0, 20, 30), dropout(3, 7, 20, 30, 70)));
  EXPECT_TRUE(all.eq(0).logical_or(all.eq(2)).all().item<bool>());
  // 4,480 fair draws: five standard deviations are 0.037.
  EXPECT_NEAR(all.eq(0).to(at::kDouble).mean().item<double>(), 0.5, 0.037);
  EXPECT_FALSE(at::equal(all, dropout(3, 8, 0, 64, 70)));
  EXPECT_FALSE(at::equal(all, dropout(4, 7, 0, 64, 70)));
  EXPECT_FALSE(at::equal(all[0], all[1]));
}

TEST(Transfer, HitsAreThoseOfSortedProbabilities) {
  constexpr int64_t kSamples = 40, kClasses = 9;
  // Few values, so that many are equal.
  const at::Tensor scores = (normal({kSamples, kClasses}, 3) * 2).round();
  const at::Tensor labels = at::arange(kSamples, at::kLong).remainder(kClasses);
  int64_t top1 = 0, top5 = 0;
  for (int64_t i = 0; i < kSamples; ++i) {
    std::vector<int64_t> order(kClasses);
    for (int64_t k = 0; k < kClasses; ++k) order[static_cast<size_t>(k)] = k;
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return scores[i][a].item<double>() > scores[i][b].item<double>();
    });
    const auto place =
        std::find(order.begin(), order.end(), labels[i].item<int64_t>()) - order.begin();
    top1 += place < 1;
    top5 += place < 5;
  }
  Hits hits;
  hits.add(scores.narrow(0, 0, 15), labels.narrow(0, 0, 15));
  hits.add(scores.narrow(0, 15, 25), labels.narrow(0, 15, 25));
  EXPECT_EQ(hits.top1, top1);
  EXPECT_EQ(hits.top5, top5);
  EXPECT_EQ(hits.count, kSamples);
  EXPECT_GT(top5, top1);
  Hits of_two;  // no label of two is beyond the first five
  of_two.add(at::tensor({0.4, 0.6}, at::kDouble).view({1, 2}), at::zeros({1}, at::kLong));
  EXPECT_EQ(of_two.top1, 0);
  EXPECT_EQ(of_two.top5, 1);
}

}  // namespace
}  // namespace bbg::eval
