#include "run/rows_file.h"

#include <span>

#include "core/error.h"
#include "core/npy.h"
#include "core/paths.h"
#include "data/hdf5_file.h"

namespace bbg::run {

namespace {

std::span<const std::byte> bytes_of(const at::Tensor& rows) {
  return {static_cast<const std::byte*>(rows.const_data_ptr()), rows.nbytes()};
}

void check_rows(const at::Tensor& rows, int64_t width) {
  BBG_CHECK(rows.dim() == 2 && rows.size(1) == width && rows.scalar_type() == at::kFloat &&
                rows.is_contiguous() && rows.device().is_cpu(),
            "rows are as the layout says");
}

class NpyRows final : public RowsFile {
 public:
  NpyRows(core::FileSystem& files, std::string path, const RowsLayout& layout)
      : files_(files), path_(std::move(path)), layout_(layout) {
    file_ = files.create(core::partial_path(path_));
    const int64_t shape[] = {layout.count, layout.arrays[0].second};
    const std::string header = core::npy_header("<f4", shape);
    file_->append(std::as_bytes(std::span(header)));
  }

  void append(const std::vector<at::Tensor>& rows) override {
    check_rows(rows[0], layout_.arrays[0].second);
    file_->append(bytes_of(rows[0]));
  }

  void finish(const std::vector<std::string>&, const std::vector<int64_t>&) override {
    file_->sync();
    file_->close();
    core::publish(files_, path_);
  }

 private:
  core::FileSystem& files_;
  const std::string path_;
  const RowsLayout layout_;
  std::unique_ptr<core::WritableFile> file_;
};

class Hdf5Rows final : public RowsFile {
 public:
  using Hdf5 = data::Hdf5File;

  Hdf5Rows(core::FileSystem& files, std::string path, const RowsLayout& layout)
      : files_(files),
        path_(std::move(path)),
        layout_(layout),
        file_(core::partial_path(path_), Hdf5::Mode::kCreate) {
    for (const auto& [name, width] : layout.arrays) {
      file_.create_dataset(name, Hdf5::Type::kFloat32, {layout.count, width});
    }
  }

  void append(const std::vector<at::Tensor>& rows) override {
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto& [name, width] = layout_.arrays[i];
      check_rows(rows[i], width);
      file_.write_rows(name, Hdf5::Type::kFloat32, done_, rows[i].size(0),
                       rows[i].const_data_ptr());
    }
    done_ += rows[0].size(0);
  }

  void finish(const std::vector<std::string>& names, const std::vector<int64_t>& labels) override {
    file_.write_texts("names", names);
    file_.create_dataset("labels", Hdf5::Type::kInt64, {std::ssize(labels)});
    file_.write_rows("labels", Hdf5::Type::kInt64, 0, std::ssize(labels), labels.data());
    file_.close();
    core::publish(files_, path_);
  }

 private:
  core::FileSystem& files_;
  const std::string path_;
  const RowsLayout layout_;
  Hdf5 file_;
  int64_t done_ = 0;
};

}  // namespace

void check_rows_path(const std::string& path, const std::string& option, size_t arrays) {
  const bool is_npy = path.ends_with(".npy");
  if (!is_npy && !path.ends_with(".h5")) {
    throw core::UsageError(option + " " + path + " ends neither in .npy nor in .h5",
                           "name a .npy file for one array, or a .h5 file for several");
  }
  if (is_npy && arrays != 1) {
    throw core::UsageError("a .npy file holds one array, not " + std::to_string(arrays),
                           "choose one by --what, or name a .h5 file");
  }
}

std::unique_ptr<RowsFile> create_rows_file(core::FileSystem& files, const std::string& path,
                                           const RowsLayout& layout) {
  if (path.ends_with(".npy")) return std::make_unique<NpyRows>(files, path, layout);
  return std::make_unique<Hdf5Rows>(files, path, layout);
}

}  // namespace bbg::run
