#include "train/diff_augment.h"

#include <cmath>
#include <sstream>

#include "core/error.h"

namespace bbg::train {

namespace {

constexpr double kTranslationRatio = 0.125, kCutoutRatio = 0.5;

// Column of `numbers` -> [n, 1, 1, 1], of the images' type.
at::Tensor factor(const at::Tensor& numbers, int64_t column, const at::Tensor& images) {
  return numbers.select(1, column).to(images.scalar_type()).view({-1, 1, 1, 1});
}

// Column of `numbers` -> [n, 1], whole numbers 0 to count - 1.
at::Tensor whole(const at::Tensor& numbers, int64_t column, int64_t count) {
  return (numbers.select(1, column) * count).floor().to(at::kLong).unsqueeze(1);
}

// [n, S] of rows and of columns -> [n, S, S]
at::Tensor both(const at::Tensor& rows, const at::Tensor& columns) {
  return rows.unsqueeze(2).logical_and(columns.unsqueeze(1));
}

at::Tensor coloured(const at::Tensor& images, const at::Tensor& numbers) {
  at::Tensor x = images + (factor(numbers, 0, images) - 0.5);
  if (images.size(1) > 1) {
    const at::Tensor grey = x.mean(1, /*keepdim=*/true);
    x = (x - grey) * (factor(numbers, 1, images) * 2) + grey;
  }
  const at::Tensor mean = x.mean({1, 2, 3}, /*keepdim=*/true);
  return (x - mean) * (factor(numbers, 2, images) + 0.5) + mean;
}

at::Tensor translated(const at::Tensor& images, const at::Tensor& numbers) {
  const int64_t size = images.size(2);
  const int64_t reach{std::lround(static_cast<double>(size) * kTranslationRatio)};
  const at::Tensor place = at::arange(size, numbers.options().dtype(at::kLong));
  // Where each pixel comes from.
  const at::Tensor row = place + whole(numbers, 3, 2 * reach + 1) - reach;     // [n, S]
  const at::Tensor column = place + whole(numbers, 4, 2 * reach + 1) - reach;  // [n, S]
  const auto is_inside = [&](const at::Tensor& at) { return at.ge(0).logical_and(at.lt(size)); };
  const at::Tensor source =
      row.clamp(0, size - 1).unsqueeze(2) * size + column.clamp(0, size - 1).unsqueeze(1);
  return images.flatten(2)
             .gather(2, source.flatten(1).unsqueeze(1).expand({-1, images.size(1), -1}))
             .view_as(images) *
         both(is_inside(row), is_inside(column)).unsqueeze(1);
}

at::Tensor cut_out(const at::Tensor& images, const at::Tensor& numbers) {
  const int64_t size = images.size(2);
  const int64_t side{std::lround(static_cast<double>(size) * kCutoutRatio)};
  const at::Tensor place = at::arange(size, numbers.options().dtype(at::kLong));
  const auto is_cut = [&](int64_t column) {
    const at::Tensor first = whole(numbers, column, size + 1 - side % 2) - side / 2;
    return place.ge(first).logical_and(place.lt(first + side));  // [n, S]
  };
  return images * both(is_cut(5), is_cut(6)).logical_not().unsqueeze(1);
}

}  // namespace

AugmentPolicy parse_augment_policy(const std::string& words) {
  AugmentPolicy policy;
  std::istringstream stream(words);
  for (std::string word; stream >> word;) {
    bool* const wanted = word == "colour"        ? &policy.colour
                         : word == "translation" ? &policy.translation
                         : word == "cutout"      ? &policy.cutout
                                                 : nullptr;
    if (wanted == nullptr) {
      throw core::UsageError(
          "train.augment = " + words + ": there is no augmentation '" + word + "'",
          "write any of the words translation colour cutout between spaces");
    }
    *wanted = true;
  }
  return policy;
}

at::Tensor augmented(const at::Tensor& images, const AugmentPolicy& policy,
                     const at::Tensor& numbers) {
  at::Tensor x = images;
  if (policy.colour) x = coloured(x, numbers);
  if (policy.translation) x = translated(x, numbers);
  if (policy.cutout) x = cut_out(x, numbers);
  return x;
}

}  // namespace bbg::train
