#include "measure/layers.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>

#include "comm/self_communicator.h"
#include "eval/linear_protocol.h"
#include "measure/evaluation.h"
#include "measure/retrained.h"
#include "measure/standing.h"
#include "nn/named_tensors.h"
#include "ops/cpu_ops.h"
#include "tests/support/threads_communicator.h"
#include "tests/unit/measure/small_subject.h"

namespace bbg::measure {
namespace {

TEST(Pooled, HasTheSidesOfThePaper) {
  // AlexNet's maps of images of 227 px, or larger ones.
  EXPECT_EQ(pooled_side(96, 55), 10);
  EXPECT_EQ(pooled_side(256, 27), 6);
  EXPECT_EQ(pooled_side(384, 13), 5);
  EXPECT_EQ(pooled_side(256, 13), 6);
  EXPECT_EQ(pooled_side(256, 4), 4);
  EXPECT_EQ(pooled_side(2048, 7), 2);
  EXPECT_EQ(pooled_side(8192, 7), 1);
  EXPECT_EQ(pooled_side(40'000, 7), 1);
}

TEST(Pooled, IsTheMeanOfPartsOfTheMap) {
  // Parts of equal size, and of sizes that differ where one does not divide the other.
  for (const auto& [channels, side] : {std::pair<int64_t, int64_t>{1024, 9}, {1024, 7}}) {
    const int64_t parts = pooled_side(channels, side);
    ASSERT_EQ(parts, 3);
    const at::Tensor map = at::sin(at::arange(2 * channels * side * side, at::kDouble))
                               .view({2, channels, side, side});
    const at::Tensor found = pooled(map).view({2, channels, parts, parts});
    for (int64_t y = 0; y < parts; ++y) {
      for (int64_t x = 0; x < parts; ++x) {
        const auto from = [&](int64_t i) { return i * side / parts; };
        const auto to = [&](int64_t i) { return ((i + 1) * side + parts - 1) / parts; };
        const at::Tensor part =
            map.slice(2, from(y), to(y)).slice(3, from(x), to(x)).mean({2, 3}).to(at::kFloat);
        // float32 means of at most nine values in [-1, 1].
        EXPECT_TRUE(at::allclose(found.select(3, x).select(2, y), part, 0, 1e-6));
      }
    }
  }
  EXPECT_EQ(pooled(at::zeros({2, 3, 4, 4}, at::kBFloat16)).scalar_type(), at::kFloat);
}

// Images whose bright half, upper or lower, is their class; noise over all.
data::ShardSet halves(const std::string& folder, int64_t count, int64_t side, uint64_t noise) {
  test::DataSetWriter writer({.folder = folder,
                              .height = side,
                              .width = side,
                              .channels = 3,
                              .class_names = {"upper", "lower"}});
  core::RandomStream random(static_cast<uint64_t>(count), core::Purpose::kEvaluate, 0, 0);
  for (int64_t i = 0; i < count; ++i) {
    std::vector<uint8_t> pixels;
    for (int64_t k = 0; k < side * side * 3; ++k) {
      const bool is_upper = k < side * side * 3 / 2;
      const uint64_t light = is_upper == (i % 2 == 0) ? 40 : 0;
      pixels.push_back(static_cast<uint8_t>(light + random.next_below(noise)));
    }
    writer.add(pixels, i % 2);
  }
  writer.close();
  return data::ShardSet::open(folder);
}

Measures only(const std::string& key) {
  Measures measures;
  std::copy_if(table().begin(), table().end(), std::back_inserter(measures),
               [&](const Measure& one) { return one.key == key; });
  return measures;
}

class Layers : public ::testing::Test {
 protected:
  explicit Layers(int64_t side = 32, uint64_t noise = 200)
      : train_(halves(folder_ / "train", 48, side, noise)),
        test_(halves(folder_ / "test", 32, side, noise)) {
    config_.parse(small_options("bigan"));
  }

  // Calls `use` with the surroundings of a rank, and an E that has its statistics.
  template <class Use>
  void with_encoder(comm::Communicator& ranks, at::ScalarType type, const Use& use) const {
    const at::NoGradGuard no_grad;
    EvaluationProgress silent;
    ops::CpuOps cpu;
    const Context context{config_.measuring(), ranks, cpu, at::TensorOptions(type), silent};
    model::Encoder encoder(config_.model, context.backend(), 1);
    const Images images(context, train_, &test_);
    make_standing(context, images, encoder);
    use(context, images, encoder);
  }

  // The networks are those that a run with the seed `networks` starts with.
  nlohmann::ordered_json measured(comm::Communicator& ranks, const std::string& key,
                                  bool has_test_set = true, uint64_t networks = 1) const {
    const at::NoGradGuard no_grad;
    EvaluationProgress silent;
    ops::CpuOps cpu;
    const Context context{config_.measuring(), ranks, cpu, at::TensorOptions(at::kFloat), silent};
    model::Nets nets = model::make_nets(config_.model, context.backend(), networks);
    const Measures measures = only(key);
    const Evaluation evaluation(context, train_, has_test_set ? &test_ : nullptr, measures);
    nlohmann::ordered_json result;
    evaluation.measure(subject_of(nets), result);
    return result[key];
  }
  nlohmann::ordered_json measured_alone(const std::string& key) const {
    comm::SelfCommunicator alone;
    return measured(alone, key);
  }
  nlohmann::ordered_json measured_by_two(const std::string& key) const {
    std::mutex mutex;
    std::vector<nlohmann::ordered_json> found;
    testing::run_ranks(2, [&](comm::Communicator& ranks) {
      const nlohmann::ordered_json result = measured(ranks, key);
      const std::lock_guard lock(mutex);
      found.push_back(result);
    });
    EXPECT_EQ(found.at(0), found.at(1));
    return found.at(0);
  }

  test::TemporaryFolder folder_;
  data::ShardSet train_, test_;
  run::RunConfig config_;
};

TEST_F(Layers, ProbesAreTheLinearProtocolOnTheActivationsOfEachStage) {
  const nlohmann::ordered_json found = measured_alone("layer_probes");
  EXPECT_EQ(found.size(), 12u);  // with those of the untrained E
  comm::SelfCommunicator alone;
  with_encoder(alone, at::kFloat, [&](const Context& context, const Images& images, auto& encoder) {
    for (size_t last = 0; last < 3; ++last) {
      const auto rows = [&](const Split& split) {
        std::vector<at::Tensor> features;
        at::Tensor labels = at::arange(split.count, at::kLong).remainder(2);
        // In the batches of evaluation: convolutions of others may round otherwise.
        for (int64_t first = 0; first < split.count; first += 8) {
          at::Tensor h = images.read(split, first, 8).images;
          for (size_t i = 0; i <= last; ++i) h = encoder.trunk().stage(i, h);
          // 4 x 16 x 16, 8 x 8 x 8 and 16 x 4 x 4 values: no map is averaged.
          EXPECT_EQ(h[0].numel(), 1024 >> last);
          features.push_back(h.flatten(1));
        }
        return eval::LabelledRows{at::cat(features), labels};
      };
      const eval::LinearProtocolOptions options{.steps = 50,
                                                .seed = static_cast<uint64_t>(context.setup.seed)};
      const eval::TopAccuracy expected =
          eval::linear_protocol(alone, rows(images.train()), rows(images.test()), options).test;
      const std::string stage = "conv" + std::to_string(last + 1);
      EXPECT_EQ(found["top1_" + stage], expected.top1);
      EXPECT_EQ(found["top5_" + stage], 1);
      EXPECT_GT(expected.top1, 0.6);
    }
  });
}

TEST_F(Layers, ProbesAreThoseOfOneRankOnTwo) {
  const nlohmann::ordered_json expected = measured_alone("layer_probes");
  const nlohmann::ordered_json found = measured_by_two("layer_probes");
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [field, value] : expected.items()) {
    // Statistics of batch norm are summed in another order: at most one of 32 test images.
    EXPECT_NEAR(found[field].get<double>(), value.get<double>(), 1.01 / 32) << field;
  }
}

// E as it starts is the network of a run that has not begun.
TEST_F(Layers, UntrainedStagesAreThoseOfTheRunsStart) {
  config_.evaluate.transfer_steps = 3;
  comm::SelfCommunicator alone;
  for (const std::string key : {"layer_probes", "transfer"}) {
    config_.evaluate.baselines = eval::Baselines::kUntrained;
    const auto seed = static_cast<uint64_t>(config_.measuring().seed);
    const nlohmann::ordered_json start = measured(alone, key, true, seed);
    const nlohmann::ordered_json other = measured(alone, key, true, seed + 1);
    config_.evaluate.baselines = eval::Baselines::kPixels;
    const nlohmann::ordered_json trained = measured(alone, key, true, seed);
    ASSERT_EQ(trained.size(), 6u);
    ASSERT_EQ(other.size(), 12u);
    for (const auto& [field, value] : trained.items()) {
      EXPECT_EQ(start[field], value) << field;
      EXPECT_EQ(start["untrained_" + field], value) << field;
      EXPECT_EQ(other["untrained_" + field], value) << field;
    }
    EXPECT_NE(other, start);
  }
}

// Images larger than E's input: places are drawn, and ten crops are taken.
class Transferred : public Layers {
 protected:
  Transferred() : Layers(36, 120) {
    config_.evaluate.transfer_batch = 16;
    config_.evaluate.transfer_rate = 0.02;
  }

  // Two batches of this rank's rows.
  static std::vector<core::Batch> batches(const comm::Communicator& ranks) {
    std::vector<core::Batch> batches;
    const int64_t rows = 8 / ranks.size();
    for (int64_t i = 0; i < 2; ++i) {
      const at::Tensor x =
          at::sin(at::arange(8 * 3 * 32 * 32, at::kDouble) * static_cast<double>(3 + i));
      const at::Tensor labels = at::arange(8, at::kLong).remainder(3);
      batches.push_back({.images = x.view({8, 3, 32, 32}).narrow(0, ranks.rank() * rows, rows),
                         .labels = labels.narrow(0, ranks.rank() * rows, rows),
                         .sample_ids = {}});
    }
    return batches;
  }
  static void make_steps(Retrained& column, const comm::Communicator& ranks) {
    const std::vector<core::Batch> all = batches(ranks);
    for (int64_t step = 0; step < 4; ++step) {
      column.step(all[static_cast<size_t>(step % 2)], step);
    }
  }
};

// The same networks, trained by autograd's gradients and the formulas of torch.optim.SGD.
TEST_F(Transferred, StepsAreThoseOfPlainSgd) {
  config_.evaluate.transfer_steps = 4;  // the rate falls in the second of them and later
  comm::SelfCommunicator alone;
  with_encoder(alone, at::kDouble, [&](const Context& context, const Images&, auto& trained) {
    for (size_t frozen = 1; frozen <= 3; ++frozen) {
      Retrained column(context, trained, frozen, 3);
      make_steps(column, alone);

      const at::AutoGradMode with_graph(true);
      const uint64_t seed = Retrained::seed_of(context.setup.seed);
      model::Encoder encoder(config_.model, context.backend(), seed);
      // Hidden layers: sixteen times the sixteen channels of conv3.
      Classifier classifier(config_.model, context.backend(), seed,
                            {.in = 256, .hidden = 256, .classes = 3});
      std::vector<at::Tensor> parameters;
      for (const nn::NamedTensor& one : column.parameters()) {
        for (const nn::Network* network :
             std::initializer_list<const nn::Network*>{&encoder, &classifier}) {
          for (const nn::NamedTensor& own : network->store().parameters()) {
            if (own.name == one.name) parameters.push_back(own.tensor);
          }
        }
      }
      ASSERT_EQ(parameters.size(), column.parameters().size());
      ASSERT_EQ(parameters.size(), 6 + 3 * (3 - frozen));
      std::vector<at::Tensor> momenta(parameters.size());
      for (int64_t step = 0; step < 4; ++step) {
        const core::Batch batch = batches(alone)[static_cast<size_t>(step % 2)];
        at::Tensor h = batch.images;
        for (size_t i = 0; i < 3; ++i) {
          h = i < frozen ? trained.trunk().stage(i, h).detach() : encoder.trunk().stage(i, h);
        }
        const at::Tensor logits =
            classifier.forward(h.flatten(1), {eval::dropout(seed, 2 * step, 0, 8, 256),
                                              eval::dropout(seed, 2 * step + 1, 0, 8, 256)});
        const at::Tensor loss =
            -at::log_softmax(logits, 1).gather(1, batch.labels.unsqueeze(1)).mean();
        const auto gradients = torch::autograd::grad({loss}, parameters);
        const double rate = 0.02 * (step < 1 ? 1 : step < 2 ? 0.1 : step < 3 ? 0.01 : 0.001);
        const at::NoGradGuard no_grad;
        for (size_t i = 0; i < parameters.size(); ++i) {
          at::Tensor g = gradients[i];
          if (g.dim() > 1) g = g + 5e-4 * parameters[i];
          momenta[i] = step == 0 ? g : 0.9 * momenta[i] + g;
          parameters[i].sub_(momenta[i], rate);
        }
      }
      for (size_t i = 0; i < parameters.size(); ++i) {
        // float64 over four steps.
        EXPECT_TRUE(at::allclose(column.parameters()[i].tensor, parameters[i], 1e-9, 1e-12))
            << frozen << " " << column.parameters()[i].name;
      }
    }
  });
}

TEST_F(Transferred, TwoRanksTakeTheStepsOfOne) {
  config_.evaluate.transfer_steps = 9;  // the rate is one at first
  const auto trained_by = [&](comm::Communicator& ranks) {
    std::vector<at::Tensor> all;
    with_encoder(ranks, at::kDouble, [&](const Context& context, const Images&, auto& encoder) {
      Retrained column(context, encoder, 1, 3);
      make_steps(column, ranks);
      for (const nn::NamedTensor& one : column.parameters()) all.push_back(one.tensor.clone());
      all.push_back(column.probabilities(batches(ranks)[0].images.narrow(0, 0, 1) * 0));
    });
    return all;
  };
  comm::SelfCommunicator alone;
  const std::vector<at::Tensor> expected = trained_by(alone);
  testing::run_ranks(2, [&](comm::Communicator& ranks) {
    const std::vector<at::Tensor> found = trained_by(ranks);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      // float64: sums over images are taken in another order.
      EXPECT_TRUE(at::allclose(found[i], expected[i], 1e-8, 1e-10)) << i;
    }
  });
}

TEST_F(Transferred, LearnsLabelsAndLeavesWhatIsFrozen) {
  config_.evaluate.transfer_steps = 60;
  comm::SelfCommunicator alone;
  with_encoder(alone, at::kFloat, [&](const Context& context, const Images& images, auto& encoder) {
    std::vector<at::Tensor> before;
    const auto tensors = [&] { return nn::tensors_of(encoder, "E"); };
    for (const nn::NamedTensor& one : tensors()) before.push_back(one.tensor.clone());
    model::Nets nets = model::make_nets(config_.model, context.backend(), 1);
    Inputs inputs(context, images, {*nets.generator, &encoder, nullptr}, Need::kStages, true);
    inputs.begin(Source::kTrained);
    const core::Values found = transfer(inputs);
    ASSERT_EQ(found.size(), 6u);
    EXPECT_EQ(found[0].first, "top1_conv1");
    EXPECT_EQ(found[5].first, "top5_conv3");
    for (const auto& [field, value] : found) EXPECT_GT(value, 0.9) << field;  // chance: 0.5
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_TRUE(at::equal(before[i], tensors()[i].tensor)) << tensors()[i].name;
    }
  });
}

TEST_F(Transferred, IsTheSameOnTwoRanks) {
  config_.evaluate.transfer_steps = 30;
  const nlohmann::ordered_json expected = measured_alone("transfer");
  const nlohmann::ordered_json found = measured_by_two("transfer");
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [field, value] : expected.items()) {
    // float32 sums in another order over 30 steps: at most one of 32 test images.
    EXPECT_NEAR(found[field].get<double>(), value.get<double>(), 1.01 / 32) << field;
  }
}

TEST_F(Transferred, HoldsOutImagesWhereThereIsNoTestSet) {
  config_.evaluate.transfer_steps = 20;
  comm::SelfCommunicator alone;
  const nlohmann::ordered_json found = measured(alone, "transfer", /*has_test_set=*/false);
  // The last eight training images.
  const double hits = found["top1_conv1"].get<double>() * 8;
  EXPECT_EQ(hits, std::round(hits));
  EXPECT_GT(hits, 4);
}

// A residual trunk has a linear map on its average, a flat one has AlexNet's three layers.
TEST_F(Transferred, ClassifierFollowsTheTrunk) {
  comm::SelfCommunicator alone;
  with_encoder(alone, at::kFloat, [&](const Context& context, const Images&, auto& encoder) {
    EXPECT_EQ(classifier_shape(encoder, context, 7).hidden, 16 * 16);
    EXPECT_EQ(classifier_shape(encoder, context, 7).in, 256);
  });
  config_.model.encoder = model::EncoderKind::kSmall;
  with_encoder(alone, at::kFloat, [&](const Context& context, const Images&, auto& encoder) {
    const Classifier::Shape shape = classifier_shape(encoder, context, 7);
    EXPECT_EQ(shape.hidden, 0);
    EXPECT_EQ(shape.in, 16);
    Retrained column(context, encoder, 4, 7);  // nothing but the classifier
    EXPECT_EQ(column.parameters().size(), 2u);
    for (size_t frozen = 1; frozen <= 4; ++frozen) {
      Retrained trained(context, encoder, frozen, 7);
      core::Batch batch = batches(alone)[0];
      batch.images = batch.images.to(at::kFloat);
      const auto loss = [&] {
        return -trained.probabilities(batch.images)
                    .gather(1, batch.labels.unsqueeze(1))
                    .log()
                    .mean()
                    .item<double>();
      };
      const double before = loss();
      for (int step = 0; step < 12; ++step) trained.step(batch, 0);
      EXPECT_LT(loss(), before) << frozen;
    }
  });
}

TEST_F(Layers, NeedATrunkOfSeveralStagesAndLabels) {
  comm::SelfCommunicator alone;
  const auto has_stages = [&] {
    EvaluationProgress silent;
    ops::CpuOps cpu;
    const Context context{config_.measuring(), alone, cpu, at::TensorOptions(at::kFloat), silent};
    return Means(context.setup, Images(context, train_, &test_)).has(Need::kStages);
  };
  EXPECT_TRUE(has_stages());
  config_.model.encoder = model::EncoderKind::kMlp;
  EXPECT_FALSE(has_stages());
  config_.model.encoder = model::EncoderKind::kAuto;
  config_.model.system = model::System::kGan;
  EXPECT_FALSE(has_stages());
}

}  // namespace
}  // namespace bbg::measure
