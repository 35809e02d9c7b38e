#include "measure/kept_features.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/file_system.h"
#include "core/hash.h"
#include "core/paths.h"
#include "data/hdf5_file.h"
#include "eval/knn_search.h"
#include "eval/shared_rows.h"

namespace bbg::measure {

namespace {

using data::Hdf5File;

constexpr int64_t kVersion = 1;  // another where features come to be made otherwise

void add(core::Hasher& hasher, const nn::NamedTensor& named) {
  const at::Tensor values = named.tensor.detach().cpu().contiguous();
  hasher.add_text(named.name);
  hasher.add({static_cast<const std::byte*>(values.const_data_ptr()), values.nbytes()});
}

// Parameters, and buffers but the running statistics, which are made anew for each measurement.
void add_values(core::Hasher& hasher, const nn::Network& network) {
  for (const nn::NamedTensor& parameter : network.store().parameters()) add(hasher, parameter);
  const std::vector<at::Tensor>& statistics = network.statistics();
  for (const nn::NamedTensor& buffer : network.store().buffers()) {
    const bool is_made_anew =
        std::any_of(statistics.begin(), statistics.end(), [&](const at::Tensor& one) {
          return one.const_data_ptr() == buffer.tensor.const_data_ptr();
        });
    if (!is_made_anew) add(hasher, buffer);
  }
}

// A file that holds at least `count` rows.
bool is_complete(const Hdf5File& file, int64_t count) {
  if (!file.has_dataset("features") || !file.has_dataset("labels")) return false;
  const std::vector<int64_t> features = file.shape("features"), labels = file.shape("labels");
  return features.size() == 2 && labels.size() == 1 && labels[0] == features[0] &&
         features[0] >= count;
}

Labelled read_rows(const Hdf5File& file, int64_t first, int64_t count) {
  const Labelled rows{at::empty({count, file.shape("features")[1]}, at::kFloat),
                      at::empty({count}, at::kLong)};
  if (count == 0) return rows;
  file.read_rows("features", Hdf5File::Type::kFloat32, first, count,
                 rows.features.mutable_data_ptr());
  file.read_rows("labels", Hdf5File::Type::kInt64, first, count, rows.labels.mutable_data_ptr());
  return rows;
}

// Rank 0's file, in blocks that all ranks pass to it.
class Writer {
 public:
  Writer(std::string path, int64_t count, int64_t width)
      : path_(std::move(path)), file_(core::partial_path(path_), Hdf5File::Mode::kCreate) {
    file_.create_dataset("features", Hdf5File::Type::kFloat32, {count, width});
    file_.create_dataset("labels", Hdf5File::Type::kInt64, {count});
  }

  void add(const at::Tensor& features, int64_t first) {
    const at::Tensor rows = features.cpu().contiguous();
    file_.write_rows("features", Hdf5File::Type::kFloat32, first, rows.size(0),
                     rows.const_data_ptr());
  }
  void finish(core::FileSystem& files, const at::Tensor& labels) {
    file_.write_rows("labels", Hdf5File::Type::kInt64, 0, labels.size(0), labels.const_data_ptr());
    file_.close();
    core::publish(files, path_);
  }

 private:
  const std::string path_;
  Hdf5File file_;
};

}  // namespace

KeptFeatures::KeptFeatures(const Context& context, const nn::Network& network,
                           const std::string& part)
    : context_(context) {
  const Setup& setup = context.setup;
  core::Hasher hasher;
  for (const int64_t number :
       {kVersion, setup.seed, setup.evaluate.batch, setup.evaluate.standing_passes,
        setup.model.data_resolution(), setup.model.resolution}) {
    hasher.add_number(number);
  }
  hasher.add_text(part);
  add_values(hasher, network);
  fingerprint_ = hasher.digest();
}

std::string KeptFeatures::path_of(const Split& split, int64_t view) const {
  core::Hasher hasher;
  hasher.add_number(static_cast<int64_t>(fingerprint_));
  hasher.add_text(split.shards->fingerprint());
  hasher.add_number(split.first);
  hasher.add_number(view);
  return context_.setup.features_folder + "/" + core::hex(hasher.digest()) + ".h5";
}

std::optional<Labelled> KeptFeatures::read(const Split& split, int64_t view) const {
  const std::string path = path_of(split, view);
  const auto [first, count] = own_part(split.count, context_.communicator);
  Labelled own;
  bool is_read = false;
  try {
    if (core::make_posix_file_system()->exists(path)) {
      const Hdf5File file(path, Hdf5File::Mode::kRead);
      is_read = is_complete(file, split.count);
      if (is_read) own = read_rows(file, first, count);
    }
  } catch (const core::SystemError&) {
    is_read = false;
  }
  if (!context_.communicator.agree(is_read)) return std::nullopt;
  const at::Device device = context_.tensor_options.device();
  return Labelled{own.features.to(device), own.labels.to(device)};
}

void KeptFeatures::write(const Split& split, int64_t view, const Labelled& own) const {
  comm::Communicator& ranks = context_.communicator;
  const eval::SharedRows rows(ranks, own.features);
  const at::Tensor labels =
      eval::gather_labels(ranks, own.labels, context_.tensor_options.device());
  const std::string path = path_of(split, view);
  const auto files = core::make_posix_file_system();
  std::unique_ptr<Writer> writer;
  std::string failure;
  // Ranks pass blocks on, whatever becomes of the file.
  const auto attempt = [&](const std::function<void()>& act) {
    if (ranks.rank() != 0 || !failure.empty()) return;
    try {
      act();
    } catch (const core::SystemError& error) {
      failure = core::message_of(error);
    }
  };
  attempt([&] {
    files->create_folders(context_.setup.features_folder);
    writer = std::make_unique<Writer>(path, rows.count(), rows.width());
  });
  rows.visit_blocks(
      [&](const at::Tensor& block, int64_t first) { attempt([&] { writer->add(block, first); }); });
  attempt([&] { writer->finish(*files, labels); });
  if (failure.empty()) return;
  if (writer) {
    writer.reset();
    files->remove_all(core::partial_path(path));
  }
  context_.progress.note("features are not kept (eval.keep-features): " + failure);
}

}  // namespace bbg::measure
