#include "extractor/image_input.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "checkpoint/safetensors.h"
#include "core/file_system.h"
#include "image/resample.h"

namespace bbg::extractor {
namespace {

core::StateDict golden() {
  return checkpoint::read_safetensors(
      *core::make_posix_file_system(),
      std::string(BBG_SOURCE_DIR) + "/tests/golden/extractors/tensorflow_resize.safetensors");
}

at::Tensor tensor_of(const core::StateDict& state, const std::string& name) {
  for (const auto& [key, tensor] : state.tensors) {
    if (key == name) return tensor;
  }
  throw std::runtime_error("the golden file lacks " + name);
}

TEST(ImageInput, ResizesAsTensorFlow1BitForBitAsTorchFidelityDoes) {
  const core::StateDict state = golden();
  const at::Tensor expected = (tensor_of(state, "resized") - 128) / 128;
  const ImageInput input{.resize = Resize::kTensorFlow1, .size = 23};
  EXPECT_TRUE(input(tensor_of(state, "image")).equal(expected));
}

TEST(ImageInput, ResizesAsPillowByTheProjectsResampler) {
  const at::Tensor images = tensor_of(golden(), "image");
  const ImageInput input{.resize = Resize::kPillowBicubic, .size = 6, .range = Range::kBytes};
  const at::Tensor found = input(images).permute({0, 2, 3, 1}).contiguous();
  const at::Tensor rows = images.permute({0, 2, 3, 1}).contiguous();
  for (int64_t i = 0; i < 2; ++i) {
    std::vector<uint8_t> expected(6 * 6 * 3);
    image::Resampler(image::Filter::kBicubic)
        .resample({.data = rows[i].const_data_ptr<uint8_t>(),
                   .height = 9,
                   .width = 14,
                   .channels = 3,
                   .stride = 14 * 3},
                  6, 6, expected);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found[i].const_data_ptr<uint8_t>()));
  }
}

TEST(ImageInput, BringsBytesToEachRange) {
  const at::Tensor images = at::tensor({0, 128, 255}, at::kByte).view({1, 3, 1, 1});
  const auto values = [&](Range range) {
    return ImageInput{.resize = Resize::kNone, .range = range}(images).flatten();
  };
  EXPECT_TRUE(values(Range::kBytes).equal(images.flatten()));
  EXPECT_TRUE(values(Range::kTensorFlow).equal(at::tensor({-1.0F, 0.0F, 127.0F / 128})));
  // A division and a subtraction in float32.
  const auto expect = [&](Range range, double a, double b, double c) {
    EXPECT_TRUE(values(range).allclose(at::tensor({a, b, c}, at::kFloat), 0, 1e-6));
  };
  expect(Range::kSymmetric, -1, 128 / 127.5 - 1, 1);
  expect(Range::kUnit, 0, 128 / 255.0, 1);
  expect(Range::kImageNet, -0.485 / 0.229, (128 / 255.0 - 0.456) / 0.224, (1 - 0.406) / 0.225);
}

}  // namespace
}  // namespace bbg::extractor
