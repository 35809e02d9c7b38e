#include "extractor/torch_script.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/file_system.h"
#include "support/temporary_folder.h"

namespace bbg::extractor {
namespace {

std::string golden(const std::string& name) {
  return std::string(BBG_SOURCE_DIR) + "/tests/golden/extractors/" + name;
}

at::Tensor some_images(int64_t height, int64_t width) {
  return at::randint(0, 256, {3, 3, height, width},
                     at::make_generator<at::CPUGeneratorImpl>(uint64_t{1}), at::kByte);
}

std::unique_ptr<Extractor> inception(const std::string& path) {
  return load_inception(*core::make_posix_file_system(), path, at::kCPU);
}
std::unique_ptr<Extractor> script(const std::string& path, const ScriptOptions& options) {
  return load_script(*core::make_posix_file_system(), path, options, at::kCPU);
}

std::string refusal(const std::function<void()>& what) {
  try {
    what();
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "nothing was refused";
}

TEST(WholeInception, GivesFeaturesAndLogitsWithoutBias) {
  const auto network = inception(golden("inception_like.pt"));
  EXPECT_EQ(network->width(), 6);
  EXPECT_TRUE(network->has_logits());
  const at::Tensor images = some_images(20, 33);
  const Extracted found = network->extract(images);
  torch::jit::Module module = torch::jit::load(golden("inception_like.pt"));
  EXPECT_TRUE(
      found.features.equal(module.forward({images}, {{"return_features", true}}).toTensor()));
  const at::Tensor probabilities = module.forward({images}, {{"no_output_bias", true}}).toTensor();
  // A softmax in float32 of values of order 1.
  EXPECT_LT((found.logits.softmax(1) - probabilities).abs().max().item<double>(), 1e-6);
}

TEST(AnyNetwork, TakesTheOutputThatIsNamedAndTheMeanOverPlaces) {
  const ImageInput input{.resize = Resize::kBilinear, .size = 21, .range = Range::kUnit};
  const at::Tensor images = some_images(30, 17);
  torch::jit::Module module = torch::jit::load(golden("maps.pt"));
  const at::Tensor maps = module.forward({input(images)}).toTensor();
  const auto features = [&](const std::string& file, const std::string& output) {
    return script(golden(file), {.input = input, .output = output})->extract(images).features;
  };
  EXPECT_TRUE(features("maps.pt", "").equal(maps.mean({2, 3})));
  EXPECT_EQ(features("named.pt", "mean").sizes(), at::IntArrayRef({3, 4}));
  EXPECT_TRUE(features("named.pt", "maps").allclose(features("named.pt", "mean")));
  EXPECT_EQ(features("pair.pt", "1").sizes(), at::IntArrayRef({3, 4}));
  EXPECT_FALSE(features("pair.pt", "1").allclose(features("pair.pt", "0")));
}

TEST(AnyNetwork, HasAnotherFingerprintForAnotherFileInputOrOutput) {
  const auto fingerprint = [](const std::string& file, const std::string& output, Range range) {
    return script(golden(file), {.input = {.size = 21, .range = range}, .output = output})
        ->fingerprint();
  };
  const std::string one = fingerprint("named.pt", "mean", Range::kUnit);
  EXPECT_EQ(one, fingerprint("named.pt", "mean", Range::kUnit));
  EXPECT_NE(one, fingerprint("named.pt", "maps", Range::kUnit));
  EXPECT_NE(one, fingerprint("named.pt", "mean", Range::kImageNet));
  EXPECT_NE(one, fingerprint("pair.pt", "1", Range::kUnit));
}

TEST(Networks, OfTheWrongKindAreRefusedByName) {
  const test::TemporaryFolder folder;
  const std::string text = folder.path() + "/text.pt";
  std::ofstream(text) << "not a network";
  EXPECT_EQ(refusal([&] { inception(folder.path() + "/absent.pt"); }),
            "there is no network at " + folder.path() + "/absent.pt");
  EXPECT_NE(refusal([&] { inception(text); }).find("is no TorchScript file"), std::string::npos);
  EXPECT_EQ(refusal([&] { inception(golden("maps.pt")); }),
            golden("maps.pt") + " is not the Inception network of FID");
  EXPECT_NE(refusal([&] { script(golden("named.pt"), {}); }).find("no element is chosen"),
            std::string::npos);
  EXPECT_NE(
      refusal([&] { script(golden("named.pt"), {.output = "none"}); }).find("has no tensor 'none'"),
      std::string::npos);
  EXPECT_NE(refusal([&] {
              script(golden("named.pt"), {.output = "scalar"});
            }).find("not a row of features for each image"),
            std::string::npos);
  // A convolution of bytes.
  EXPECT_NE(refusal([&] {
              script(golden("maps.pt"), {.input = {.range = Range::kBytes}});
            }).find("cannot be run on images as maps.pt"),
            std::string::npos);
}

// Features that PyTorch dumped from the same network.
class GoldenInception : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("BBG_TEST_DATA");
    const char* network = std::getenv("BBG_INCEPTION");
    folder_ = (data == nullptr ? "" : std::string(data)) + "/inception-golden/";
    network_ = network == nullptr ? "" : network;
    if (!std::filesystem::exists(folder_ + "golden.json")) {
      GTEST_SKIP() << "BBG_TEST_DATA names no folder with inception-golden";
    }
    if (!std::filesystem::exists(network_)) {
      GTEST_SKIP() << "BBG_INCEPTION names no file; launch/setup --inception fetches it";
    }
  }
  at::Tensor read(const std::string& name, at::IntArrayRef sizes, at::ScalarType type) const {
    at::Tensor values = at::empty(sizes, type);
    std::ifstream file(folder_ + name, std::ios::binary);
    file.read(static_cast<char*>(values.data_ptr()), static_cast<std::streamsize>(values.nbytes()));
    EXPECT_TRUE(file);
    return values;
  }
  at::Tensor images(const std::string& name, int64_t count, int64_t side) const {
    return read(name, {count, side, side, 3}, at::kByte).permute({0, 3, 1, 2}).contiguous();
  }
  std::string folder_, network_;
};

// Convolutions in float32 of features up to about 3: golden.json says 4e-6 between float32 and
// float64, and other processors add in another order.
constexpr double kConvolutions = 5e-5;

TEST_F(GoldenInception, GivesTheDumpedFeaturesOfImagesOfItsOwnSize) {
  const auto network = inception(network_);
  EXPECT_EQ(network->width(), 2048);
  EXPECT_FALSE(network->has_logits());
  const at::Tensor expected = read("b_feat_tf_4x2048_f32.bin", {4, 2048}, at::kFloat);
  const at::Tensor found = network->extract(images("b_4x299x299x3_u8.bin", 4, 299)).features;
  EXPECT_LT((found - expected).abs().max().item<double>(), kConvolutions);
}

TEST_F(GoldenInception, GivesTheDumpedFeaturesOfImagesThatPyTorchResizes) {
  const auto network =
      script(network_, {.input = {.resize = Resize::kBilinear, .range = Range::kSymmetric}});
  const at::Tensor expected = read("a_feat_pt_32x2048_f32.bin", {32, 2048}, at::kFloat);
  const at::Tensor found =
      network->extract(images("a_32x128x128x3_u8.bin", 32, 128).narrow(0, 0, 8)).features;
  EXPECT_LT((found - expected.narrow(0, 0, 8)).abs().max().item<double>(), kConvolutions);
}

}  // namespace
}  // namespace bbg::extractor
