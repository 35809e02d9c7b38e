#include "measure/statistics_file.h"

#include <zip.h>

#include <memory>
#include <vector>

#include "core/error.h"
#include "core/npy.h"

namespace bbg::measure {

namespace {

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw core::UsageError(path + " holds no statistics of features: " + why,
                         "give a .npz with mu [d] and sigma [d, d], as pytorch-fid writes it");
}

// The content of one entry; at most 4 GiB, as much as sigma of 23,000 features takes.
std::string read_entry(zip_t* archive, const char* entry, const std::string& path) {
  zip_stat_t facts;
  if (zip_stat(archive, entry, 0, &facts) != 0) refuse(path, std::string("it lacks ") + entry);
  if (facts.size > (uint64_t{4} << 30)) refuse(path, std::string(entry) + " is too large");
  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen(archive, entry, 0));
  std::string content(static_cast<size_t>(facts.size), '\0');
  if (!file || zip_fread(file.get(), content.data(), content.size()) !=
                   static_cast<zip_int64_t>(content.size())) {
    refuse(path, std::string(entry) + " is damaged");
  }
  return content;
}

at::Tensor read_array(zip_t* archive, const char* entry, size_t dimensions,
                      const std::string& path) {
  const std::string content = read_entry(archive, entry, path);
  const core::NpyArray array = core::parse_npy(content, path + ":" + entry);
  if (array.shape.size() != dimensions) refuse(path, std::string(entry) + " has another shape");
  const std::vector<double> values = array.doubles(path + ":" + entry);
  at::Tensor tensor = at::tensor(values, at::kDouble).view(array.shape);
  if (!at::isfinite(tensor).all().item<bool>()) {
    refuse(path, std::string(entry) + " has numbers that are not finite");
  }
  return tensor;
}

std::string npy_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kCPU, at::kDouble).contiguous();
  return core::npy_header("<f8", values.sizes()) +
         std::string(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
}

// An archive that lies in memory, read or written through `source`, which the caller keeps.
Archive open_archive(zip_source_t* source, int flags) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_keep(source);
  zip_t* archive = zip_open_from_source(source, flags, &error);
  if (archive == nullptr) zip_source_free(source);
  zip_error_fini(&error);
  return Archive(archive);
}

using ZipSource = std::unique_ptr<zip_source_t, decltype(&zip_source_free)>;

}  // namespace

eval::Gaussian read_statistics(core::FileSystem& files, const std::string& path) {
  if (!files.exists(path)) {
    throw core::UsageError("there are no statistics at " + path, "give the path of a .npz file");
  }
  const std::string content = files.read(path);
  const ZipSource source(zip_source_buffer_create(content.data(), content.size(), 0, nullptr),
                         zip_source_free);
  const Archive archive = open_archive(source.get(), ZIP_RDONLY);
  if (!archive) refuse(path, "it is no zip archive");
  const eval::Gaussian statistics{read_array(archive.get(), "mu.npy", 1, path),
                                  read_array(archive.get(), "sigma.npy", 2, path)};
  const int64_t width = statistics.mean.size(0);
  if (statistics.covariance.size(0) != width || statistics.covariance.size(1) != width) {
    refuse(path, "mu and sigma are of different widths");
  }
  return statistics;
}

void check_statistics(core::FileSystem& files, const std::string& path, int64_t width) {
  const int64_t found = read_statistics(files, path).mean.size(0);
  if (found == width) return;
  throw core::UsageError("the statistics in " + path + " are of " + std::to_string(found) +
                             " features, the network's features are " + std::to_string(width),
                         "give statistics that were made by the same network");
}

void write_statistics(core::FileSystem& files, const std::string& path,
                      const eval::Gaussian& statistics) {
  const std::string mean = npy_of(statistics.mean), covariance = npy_of(statistics.covariance);
  const ZipSource source(zip_source_buffer_create(nullptr, 0, 0, nullptr), zip_source_free);
  Archive archive = open_archive(source.get(), ZIP_TRUNCATE);
  BBG_CHECK(archive != nullptr, "an archive in memory can be made");
  for (const auto& [name, content] : {std::pair{"mu.npy", &mean}, {"sigma.npy", &covariance}}) {
    zip_source_t* entry = zip_source_buffer(archive.get(), content->data(), content->size(), 0);
    const zip_int64_t index = zip_file_add(archive.get(), name, entry, ZIP_FL_ENC_UTF_8);
    BBG_CHECK(index >= 0, "an entry can be added");
    zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  }
  BBG_CHECK(zip_close(archive.release()) == 0, "an archive in memory can be closed");
  zip_stat_t facts;
  BBG_CHECK(zip_source_stat(source.get(), &facts) == 0 && zip_source_open(source.get()) == 0,
            "an archive in memory can be read");
  std::string content(static_cast<size_t>(facts.size), '\0');
  zip_source_read(source.get(), content.data(), content.size());
  zip_source_close(source.get());
  core::write_atomically(files, path, content);
}

}  // namespace bbg::measure
