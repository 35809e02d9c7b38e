#include "data_prep/sources/tar_images.h"

namespace bbg::data_prep {

namespace {

class TarImageSource final : public ImageSource {
 public:
  explicit TarImageSource(TarImages images) : images_(std::move(images)) {}

  int64_t size() const override { return static_cast<int64_t>(images_.files.size()); }
  void read(int64_t index, Content& out) const override {
    const TarIndex::File& file = images_.files[static_cast<size_t>(index)];
    out.is_encoded = true;
    out.bytes.resize(static_cast<size_t>(file.bytes));
    images_.archives[file.archive]->read_at(file.offset, out.bytes);
  }
  void will_read(int64_t index) const override {
    const TarIndex::File& file = images_.files[static_cast<size_t>(index)];
    images_.archives[file.archive]->will_read(file.offset, file.bytes);
  }
  bool lies_in_order() const override { return true; }
  int64_t label(int64_t index) const override {
    return images_.classes.labels.empty() ? -1 : images_.classes.labels[static_cast<size_t>(index)];
  }
  std::string name(int64_t index) const override {
    return std::string(images_.names[static_cast<size_t>(index)]);
  }
  std::string place(int64_t index) const override {
    const TarIndex::File& file = images_.files[static_cast<size_t>(index)];
    return images_.archives[file.archive]->name() + ": " + name(index);
  }
  int64_t bytes(int64_t index) const override {
    return images_.files[static_cast<size_t>(index)].bytes;
  }
  const std::vector<std::string>& class_names() const override {
    return images_.classes.class_names;
  }
  std::string description() const override { return images_.description; }
  int64_t natural_channels() const override { return 3; }
  image::Fit natural_fit() const override { return image::Fit::kResize; }
  // Archives of classes have one class behind the other. WebDatasets are mixed by whoever packs
  // them, but nothing in them says so, and to mix once more does no harm.
  bool is_shuffled_by_default() const override { return true; }
  LeftOut left_out() const override { return images_.left_out; }

 private:
  TarImages images_;
};

}  // namespace

std::unique_ptr<ImageSource> make_tar_image_source(TarImages images) {
  return std::make_unique<TarImageSource>(std::move(images));
}

}  // namespace bbg::data_prep
