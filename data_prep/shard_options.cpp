#include "data_prep/shard_options.h"

#include <charconv>
#include <sstream>

#include "core/error.h"
#include "data_prep/sources/open_source.h"

namespace bbg::data_prep {

namespace {

template <class Enum, size_t kSize>
std::vector<std::string> texts(const core::Word<Enum> (&words)[kSize],
                               const char* first = nullptr) {
  std::vector<std::string> all;
  if (first != nullptr) all.push_back(first);
  for (const auto& word : words) all.push_back(word.text);
  return all;
}

// Options are checked against their words before.
template <class Enum, size_t kSize>
Enum chosen(const core::Word<Enum> (&words)[kSize], const std::string& text) {
  return core::value_of(words, text).value();
}

constexpr int64_t kLargestSize = 16'384;

std::vector<int64_t> parse_sizes(const std::string& text) {
  std::vector<int64_t> sizes;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    int64_t size = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), size);
    if (error != std::errc() || end != part.data() + part.size() || size < 1 ||
        size > kLargestSize) {
      throw core::UsageError("--size = '" + text + "' must be a size in pixels, 1 to " +
                                 std::to_string(kLargestSize) + ", or several: 128,256",
                             "");
    }
    sizes.push_back(size);
  }
  return sizes;
}

}  // namespace

void ShardOptions::declare(command::Options& options) {
  options
      .add("--input", "PATH", &source.input,
           "a folder of JPEG, PNG and WebP images (sub-folders are classes, without them there are "
           "no labels), a tar of them, ImageNet's archives, a folder of WebDataset's tars, MNIST's "
           "IDX (plain or .gz), CIFAR's binary version, HDF5 of BigGAN-PyTorch or StudioGAN")
      .required()
      .file();
  options.add("--output", "DIR", &output, "folder for the data set; made if absent")
      .required()
      .file();
  options
      .add("--size", "S", &sizes,
           "height and width in pixels; several, as 128,256, make a set for each in one pass, in "
           "DIR/128 and DIR/256; with --store jpeg the longest that the shorter side may be")
      .default_is("that of the images, where all are squares of one size");
  options
      .add("--store", "", &store,
           "raw: pixels, S x S; jpeg: made anew, whole images; original: the files' own bytes")
      .one_of(texts(kStores));
  options.add("--quality", "Q", &quality, "of --store jpeg").between(1, 100);
  options.add("--format", "", &source.format, "what the input is").one_of(format_names());
  options.add("--split", "", &source.split, "which files of a folder of CIFAR's")
      .one_of({"train", "test"})
      .default_is("train");
  options
      .add("--labels", "FILE", &source.labels,
           "labels, where the input has none inside: of IDX, of a folder or tar (a line an image: "
           "its name and its class), of ImageNet's validation set")
      .not_empty()
      .file();
  options
      .add("--synsets", "FILE", &source.synsets,
           "the WordNet ids, a line each, that the numbers of ImageNet's labels mean")
      .not_empty()
      .file();
  options
      .add("--classes", "FILE", &source.classes,
           "class names, a line each, in the order of their numbers")
      .not_empty()
      .file();
  options.add("--channels", "", &channels, "1: grey, 3: RGB; auto: 1 for IDX, else 3")
      .one_of({"auto", "1", "3"});
  options
      .add("--fit", "", &fit,
           "resize: the largest square in the middle, resampled; pad: a black border around images "
           "no larger than S, others as resize; auto: pad for IDX, else resize")
      .one_of(texts(kFits, "auto"));
  options
      .add("--resample", "", &resample,
           "area: the mean over the exact area below a pixel; bilinear and bicubic as Pillow has "
           "them, with antialiasing")
      .one_of(texts(image::kFilters));
  options
      .add("--alpha", "", &alpha,
           "transparent pixels: laid over white, or as the colour that is stored below them")
      .one_of(texts(image::kAlphas));
  options
      .add("--exif", "", &exif,
           "the orientation that cameras write; published ImageNet results ignore it")
      .one_of(texts(image::kExifs));
  options
      .add("--cmyk", "", &cmyk,
           "four channels of a JPEG: as Pillow reads them, which takes every file for Adobe's, or "
           "as ink")
      .one_of(texts(image::kCmyks));
  options
      .add("--order", "", &order,
           "shuffled once, or as in the source; auto: shuffled where the source is sorted by class")
      .one_of({"auto", "shuffled", "source"});
  options.add("--seed", "N", &seed, "of the shuffle").between(0, 1'000'000'000);
  options.add("--shards", "N", &shards, "number of shards; or")
      .between(1, 99'999)
      .default_is("by --shard-mib");
  options.add("--shard-mib", "N", &shard_mib, "size of a shard in MiB, about").between(1, 1 << 20);
  options.add("--threads", "N", &threads, "threads of each process")
      .between(1, 4096)
      .default_is("the cores that it is bound to");
  options
      .add("--max-bad", "N", &max_bad,
           "images that cannot be decoded and may be left out: a number, or a share as 0.1%; "
           "all are listed at the end")
      .not_empty();
  options.add_flag("--force", &force,
                   "replace the data set in the output folder, which stays until the new one is "
                   "whole");
  options.add_flag("--dry-run", &dry_run, "say what would be written and how long it would take");
  options.add_flag("--json", &json, "report as JSON");
}

SourceRequest ShardOptions::request(const std::string& index_path) const {
  const bool is_original = chosen(kStores, store) == Store::kOriginal;
  if (is_original && !sizes.empty()) {
    throw core::UsageError("--store original has no use for --size",
                           "the files stay as they are; training chooses data.crop");
  }
  SourceRequest request = source;
  request.has_size = is_original || !parse_sizes(sizes).empty();
  request.index_path = index_path;
  return request;
}

Recipe ShardOptions::recipe(const ImageSource& images) const {
  Recipe recipe{.store = chosen(kStores, store), .sizes = parse_sizes(sizes), .decode = {}};
  if (recipe.store == Store::kOriginal) {
    recipe.sizes = {0};
  } else if (recipe.sizes.empty()) {
    recipe.sizes = {images.natural_size()};
    if (recipe.sizes.front() == 0) {
      throw core::UsageError("--size is missing",
                             "the images are no squares of one size; as --size 128");
    }
  }
  recipe.quality = quality;
  recipe.filter = chosen(image::kFilters, resample);
  recipe.fit = fit == "auto" ? images.natural_fit() : chosen(kFits, fit);
  recipe.decode = {
      .channels = channels == "auto" ? images.natural_channels() : std::stoll(channels),
      .alpha = chosen(image::kAlphas, alpha),
      .exif = chosen(image::kExifs, exif),
      .cmyk = chosen(image::kCmyks, cmyk)};
  return recipe;
}

PlanOptions ShardOptions::plan(const ImageSource& images) const {
  return {.is_shuffled = order == "auto" ? images.is_shuffled_by_default() : order == "shuffled",
          .seed = seed,
          .shards = shards,
          .shard_bytes = shard_mib << 20};
}

}  // namespace bbg::data_prep
