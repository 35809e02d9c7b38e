#pragma once
// The PyTorch dumps of tests/golden (its README says how they were made), by name.

#include <gtest/gtest.h>

#include <map>

#include "checkpoint/safetensors.h"
#include "core/file_system.h"
#include "model/model_options.h"
#include "nn/network.h"

namespace bbg::testing {

struct Golden {
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::string> text;

  explicit Golden(const std::string& name) {
    const auto files = core::make_posix_file_system();
    const core::StateDict state = checkpoint::read_safetensors(
        *files, std::string(BBG_SOURCE_DIR) + "/tests/golden/" + name + ".safetensors");
    tensors.insert(state.tensors.begin(), state.tensors.end());
    text = state.text;
  }
  const at::Tensor& operator[](const std::string& key) const {
    const auto found = tensors.find(key);
    if (found == tensors.end()) throw std::runtime_error("the golden file lacks " + key);
    return found->second;
  }
  bool has(const std::string& key) const { return tensors.count(key) > 0; }

  model::ModelOptions model_options() const {
    const auto number = [&](const char* key) { return std::stoll(text.at(key)); };
    model::ModelOptions options;
    options.block = core::value_of(model::kBlocks, text.at("block")).value();
    options.layout = core::value_of(model::kLayouts, text.at("layout")).value();
    options.d_norm = core::value_of(model::kDNorms, text.at("d_norm")).value();
    options.resolution = number("resolution");
    options.channels = number("channels");
    options.z_dim = number("z_dim");
    options.width = number("ch");
    options.e_width = number("e_ch") > 0 ? number("e_ch") : number("ch");
    options.g_condition =
        number("n_classes") > 0 ? model::GCondition::kSingle : model::GCondition::kNone;
    options.h_width = number("h_width");
    options.h_depth = number("h_depth");
    options.j_width = number("j_width");
    options.j_depth = number("j_depth");
    options.e_stochastic = text.at("stochastic") == "true";
    options.e_head_width = number("e_head_width");
    options.e_head_depth = number("e_head_depth");
    return options;
  }
};

// Gives the network the dump's initial parameters and buffers; every one must be there.
inline void load_golden(nn::Network& net, const Golden& golden, const std::string& prefix) {
  const at::NoGradGuard no_grad;
  for (const auto* entries : {&net.store().parameters(), &net.store().buffers()}) {
    for (const auto& entry : *entries) {
      const at::Tensor& value = golden[prefix + "." + entry.name];
      ASSERT_EQ(value.sizes(), entry.tensor.sizes()) << entry.name;
      at::Tensor(entry.tensor).copy_(value);
    }
  }
}

// float64 on both sides: what differs is the order of sums inside convolutions and matrix products.
// 1e-9 of the value, and of the largest one since a sum may cancel, is far above that and far below
// any error of formula; 1e-11 is for gradients that are zero in exact arithmetic (biases before a
// norm) and rounding here.
inline void expect_near(const at::Tensor& actual, const at::Tensor& expected,
                        const std::string& what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  ASSERT_GT(expected.numel(), 0) << what;
  const double largest = expected.abs().max().item<double>();
  EXPECT_TRUE(at::allclose(actual, expected, 1e-9, 1e-9 * largest + 1e-11))
      << what << " differs by " << (actual - expected).abs().max().item<double>();
}

inline const char* const kGoldenSystems[] = {"strided_bn_logistic", "strided_sn_hinge",
                                             "residual_cg_single_label", "residual_sg_attention"};

}  // namespace bbg::testing
