// DiffAugment against loops over pixels, its gradient against differences, and what G, E and D see.
#include "train/diff_augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "ops/cpu_ops.h"
#include "train/step.h"

namespace bbg::train {
namespace {

at::Tensor cosines(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kDouble) * frequency).view(shape);
}

// Rows of [0, 1) with both ends among them.
at::Tensor numbers(int64_t count) {
  at::Tensor all = (cosines({count, kAugmentNumbers}, 1.7) + 1) / 2.0000001;
  all[0].fill_(0);
  all[1].fill_(1 - 0x1p-32);
  all[2].fill_(0.5);
  return all;
}

// One image [C, S, S] as the authors' description has it: sums over loops, a zero border that
// coordinates outside are clamped to, and a square whose coordinates are clamped to the image.
at::Tensor slow(const at::Tensor& image, const AugmentPolicy& policy, const at::Tensor& row) {
  const int64_t channels = image.size(0), size = image.size(1);
  const auto u = [&](int64_t i) { return row[i].item<double>(); };
  const auto below = [&](int64_t i, int64_t count) {
    return static_cast<int64_t>(std::floor(u(i) * static_cast<double>(count)));
  };
  at::Tensor x = image.clone();
  auto at = x.accessor<double, 3>();
  const auto each = [&](const auto& body) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t i = 0; i < size; ++i) {
        for (int64_t j = 0; j < size; ++j) body(c, i, j);
      }
    }
  };
  if (policy.colour) {
    each([&](int64_t c, int64_t i, int64_t j) { at[c][i][j] += u(0) - 0.5; });
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = 0; j < size; ++j) {
        double mean = 0;
        for (int64_t c = 0; c < channels; ++c) mean += at[c][i][j] / static_cast<double>(channels);
        for (int64_t c = 0; c < channels; ++c) at[c][i][j] = (at[c][i][j] - mean) * 2 * u(1) + mean;
      }
    }
    double mean = 0;
    each([&](int64_t c, int64_t i, int64_t j) {
      mean += at[c][i][j] / static_cast<double>(channels * size * size);
    });
    each([&](int64_t c, int64_t i, int64_t j) {
      at[c][i][j] = (at[c][i][j] - mean) * (u(2) + 0.5) + mean;
    });
  }
  if (policy.translation) {
    const auto reach = static_cast<int64_t>(static_cast<double>(size) * 0.125 + 0.5);
    const int64_t down = below(3, 2 * reach + 1) - reach, right = below(4, 2 * reach + 1) - reach;
    const at::Tensor before = x.clone();
    const auto from = before.accessor<double, 3>();
    const auto padded = [&](int64_t c, int64_t i, int64_t j) {  // coordinates of the padded image
      i = std::clamp<int64_t>(i, 0, size + 1);
      j = std::clamp<int64_t>(j, 0, size + 1);
      return i == 0 || j == 0 || i == size + 1 || j == size + 1 ? 0.0 : from[c][i - 1][j - 1];
    };
    each([&](int64_t c, int64_t i, int64_t j) {
      at[c][i][j] = padded(c, i + down + 1, j + right + 1);
    });
  }
  if (policy.cutout) {
    const auto side = static_cast<int64_t>(static_cast<double>(size) * 0.5 + 0.5);
    const int64_t row_offset = below(5, size + (1 - side % 2));
    const int64_t column_offset = below(6, size + (1 - side % 2));
    for (int64_t i = 0; i < side; ++i) {
      for (int64_t j = 0; j < side; ++j) {
        for (int64_t c = 0; c < channels; ++c) {
          at[c][std::clamp<int64_t>(i + row_offset - side / 2, 0, size - 1)]
            [std::clamp<int64_t>(j + column_offset - side / 2, 0, size - 1)] = 0;
        }
      }
    }
  }
  return x;
}

TEST(DiffAugment, EqualsLoopsOverPixelsForEveryPolicySizeAndNumberOfChannels) {
  for (int mask = 0; mask < 8; ++mask) {
    const AugmentPolicy policy{
        .colour = (mask & 1) != 0, .translation = (mask & 2) != 0, .cutout = (mask & 4) != 0};
    for (const int64_t channels : {1, 3}) {
      for (const int64_t size : {9, 16, 20}) {
        SCOPED_TRACE(std::to_string(mask) + " " + std::to_string(channels) + " " +
                     std::to_string(size));
        const at::Tensor images = cosines({12, channels, size, size}, 0.37);
        const at::Tensor rows = numbers(12);
        const at::Tensor changed = augmented(images, policy, rows);
        ASSERT_EQ(changed.sizes(), images.sizes());
        for (int64_t i = 0; i < 12; ++i) {
          const at::Tensor expected = slow(images[i], policy, rows[i]);
          // Means are summed in another order; pixels that only move or vanish are the same.
          EXPECT_TRUE(policy.colour ? at::allclose(changed[i], expected, 1e-12, 1e-12)
                                    : at::equal(changed[i], expected))
              << i << " differs by " << (changed[i] - expected).abs().max().item<double>();
        }
      }
    }
  }
}

// Translation by up to 2 of 16 pixels and a hole of 8 x 8, wholly inside for a centre in the
// middle.
TEST(DiffAugment, MovesAnEighthAndCutsAHalfOfTheImage) {
  const at::Tensor ones = at::ones({3, 1, 16, 16}, at::kDouble);
  const at::Tensor moved = augmented(ones, {.translation = true}, numbers(3));
  EXPECT_EQ(moved[0].sum().item<double>(), 14 * 14);
  EXPECT_EQ(moved[1].sum().item<double>(), 14 * 14);
  EXPECT_EQ(moved[2].sum().item<double>(), 16 * 16);
  EXPECT_EQ(moved[0][0][1][8].item<double>(), 0);
  EXPECT_EQ(moved[1][0][14][8].item<double>(), 0);
  const at::Tensor cut = augmented(ones, {.cutout = true}, numbers(3));
  EXPECT_EQ(cut[2].sum().item<double>(), 16 * 16 - 8 * 8);
  EXPECT_EQ(cut[0].sum().item<double>(), 16 * 16 - 4 * 4);  // its centre is the corner
}

// In float32 a number close to 1 must not be rounded to 1 before it chooses a pixel.
TEST(DiffAugment, MovesTheSamePixelsInBothPrecisions) {
  const at::Tensor images = cosines({12, 3, 16, 16}, 0.37).to(at::kFloat);
  const AugmentPolicy policy{.translation = true, .cutout = true};
  const at::Tensor single = augmented(images, policy, numbers(12));
  EXPECT_EQ(single.scalar_type(), at::kFloat);
  EXPECT_TRUE(
      at::equal(single.to(at::kDouble), augmented(images.to(at::kDouble), policy, numbers(12))));
}

TEST(DiffAugment, PassesTheGradientOn) {
  const AugmentPolicy policy{.colour = true, .translation = true, .cutout = true};
  const at::Tensor rows = numbers(5), upstream = cosines({5, 3, 8, 8}, 0.91);
  const at::Tensor images = cosines({5, 3, 8, 8}, 0.37).set_requires_grad(true);
  (augmented(images, policy, rows) * upstream).sum().backward();
  const at::NoGradGuard no_grad;
  const auto value = [&](const at::Tensor& at) {
    return (augmented(at, policy, rows) * upstream).sum().item<double>();
  };
  constexpr double kStep = 1e-3;
  for (int64_t i = 0; i < images.numel(); i += 7) {
    at::Tensor up = images.detach().clone(), down = images.detach().clone();
    up.view(-1)[i] += kStep;
    down.view(-1)[i] -= kStep;
    // Every change is affine in the image, so differences are exact but for rounding.
    EXPECT_NEAR(images.grad().view(-1)[i].item<double>(), (value(up) - value(down)) / (2 * kStep),
                1e-9);
  }
}

TEST(DiffAugment, RefusesOtherWords) {
  const AugmentPolicy policy = parse_augment_policy(" cutout colour");
  EXPECT_TRUE(policy.colour && policy.cutout && !policy.translation);
  EXPECT_TRUE(parse_augment_policy("").is_empty());
  EXPECT_THROW(parse_augment_policy("colour color"), core::UsageError);
  TrainOptions options;
  options.augment = "translation, cutout";
  EXPECT_THROW(options.check(), core::UsageError);
}

model::ModelOptions augmented_networks(model::DNorm d_norm) {
  model::ModelOptions options;
  options.block = model::Block::kStrided;
  options.resolution = 16;
  options.e_resolution = 32;
  options.width = options.e_width = 2;
  options.z_dim = 5;
  options.h_width = options.j_width = options.e_head_width = 4;
  options.d_norm = d_norm;
  return options;
}

TEST(AugmentNumbers, FollowFromDrawAndSlotAndDifferForRealAndGeneratedImages) {
  const model::ModelOptions model = augmented_networks(model::DNorm::kSpectral);
  const Noise whole = make_noise(3, 7, {0, 8}, model, at::kFloat, true);
  EXPECT_EQ(whole.augment.sizes(), (at::IntArrayRef{8, 2, kAugmentNumbers}));
  EXPECT_EQ(whole.augment.scalar_type(), at::kDouble);
  EXPECT_TRUE(at::equal(whole.augment.narrow(0, 4, 4),
                        make_noise(3, 7, {4, 4}, model, at::kFloat, true).augment));
  EXPECT_FALSE(at::equal(whole.augment.select(1, 0), whole.augment.select(1, 1)));
  EXPECT_FALSE(at::equal(whole.augment, make_noise(3, 8, {0, 8}, model, at::kFloat, true).augment));
  EXPECT_GE(whole.augment.min().item<double>(), 0);
  EXPECT_LT(whole.augment.max().item<double>(), 1);
  const Noise without = make_noise(3, 7, {0, 8}, model, at::kFloat);
  EXPECT_FALSE(without.augment.defined());
  EXPECT_TRUE(at::equal(without.z, whole.z));
}

// The losses and gradients of both updates are those of the networks put together by hand, where D
// reads changed images and E the image as it is.
TEST(AugmentedUpdate, ShowsChangedImagesToDAndTheImageItselfToE) {
  for (const auto d_norm : {model::DNorm::kSpectral, model::DNorm::kBatch}) {
    SCOPED_TRACE(core::word_of(model::kDNorms, d_norm));
    const model::ModelOptions model = augmented_networks(d_norm);
    TrainOptions train;
    train.augment = "colour translation cutout";
    comm::SelfCommunicator communicator;
    ops::CpuOps cpu;
    TrainState state(model, train, {communicator, cpu, at::kDouble}, 1);
    TrainState by_hand(model, train, {communicator, cpu, at::kDouble}, 1);
    const core::Batch batch{.images = cosines({6, 3, 32, 32}, 0.37),
                            .labels = at::full({6}, -1, at::kLong),
                            .sample_ids = {}};
    Step step(state, model, train, {});
    const AugmentPolicy policy = parse_augment_policy(train.augment);
    model::Nets& nets = by_hand.nets;
    const auto loss_by_hand = [&](const Noise& noise, bool is_of_d) {
      for (nn::Network* network : {static_cast<nn::Network*>(nets.generator.get()),
                                   static_cast<nn::Network*>(nets.encoder.get()),
                                   static_cast<nn::Network*>(nets.discriminator.get())}) {
        network->begin_substep();
      }
      const at::Tensor generated = nets.generator->forward(noise.z);
      const at::Tensor code = nets.encoder->forward(batch.images).sample(noise.epsilon);
      const core::Scores encoder = nets.discriminator->forward(
          augmented(shrink(batch.images, 16), policy, noise.augment.select(1, 0)), code);
      const core::Scores generator = nets.discriminator->forward(
          augmented(generated, policy, noise.augment.select(1, 1)), noise.z);
      return is_of_d ? loss::discriminator_loss(loss::Kind::kHinge, encoder, generator).total
                     : loss::generator_encoder_loss(loss::Kind::kHinge, encoder, generator).total;
    };
    const auto expect_close = [](const at::Tensor& a, const at::Tensor& b) {
      // float64; the halves of a batch may be summed in another order.
      EXPECT_TRUE(at::allclose(a, b, 1e-10, 1e-12)) << (a - b).abs().max();
    };
    const Noise first = make_noise(1, 0, {0, 6}, model, at::kDouble, true);
    const loss::Loss loss_d = step.update_discriminator(batch, first, 0);
    const at::Tensor d_by_hand = loss_by_hand(first, true);
    expect_close(loss_d.total.detach(), d_by_hand.detach());
    d_by_hand.backward();
    expect_close(state.d->arena.gradients(), by_hand.d->arena.gradients());

    by_hand.g.arena.zero_gradients();
    by_hand.e->arena.zero_gradients();
    const Noise second = make_noise(1, 1, {0, 6}, model, at::kDouble, true);
    const loss::Loss loss_ge = step.update_generator_encoder(batch, second, 0, 0);
    const at::Tensor ge_by_hand = loss_by_hand(second, false);
    expect_close(loss_ge.total.detach(), ge_by_hand.detach());
    ge_by_hand.backward();
    expect_close(state.g.arena.gradients(), by_hand.g.arena.gradients());
    expect_close(state.e->arena.gradients(), by_hand.e->arena.gradients());
    EXPECT_GT(state.g.arena.gradients().abs().max().item<double>(), 0);
  }
}

}  // namespace
}  // namespace bbg::train
