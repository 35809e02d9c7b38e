#include "data_prep/sources/open_source.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/file_system.h"
#include "core/text.h"
#include "data_prep/sources/archives.h"
#include "data_prep/sources/cifar_source.h"
#include "data_prep/sources/folder_source.h"
#include "data_prep/sources/hdf5_source.h"
#include "data_prep/sources/idx_source.h"
#include "data_prep/sources/stored_source.h"
#include "data_prep/sources/tar_source.h"
#include "data_prep/sources/webdataset_source.h"

namespace bbg::data_prep {

namespace {

using Path = const std::string&;
using Request = const SourceRequest&;
using Source = std::unique_ptr<ImageSource>;

struct Format {
  std::string name;
  std::string what;  // for messages
  bool (*recognises)(Path input);
  Source (*open)(Request request);
  std::vector<std::string> options;  // those that it has a use for
  bool has_one_size = false;         // all images of a source are equally large
};

bool is_folder(Path path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}
bool could_be_cifar10(Path path) { return could_be_cifar(path, CifarKind::k10); }
bool could_be_cifar100(Path path) { return could_be_cifar(path, CifarKind::k100); }
Source open_cifar10(Request request) { return open_cifar(request, CifarKind::k10); }
Source open_cifar100(Request request) { return open_cifar(request, CifarKind::k100); }

const std::vector<Format>& formats() {
  static const std::vector<std::string> lists = {"--labels", "--synsets", "--classes"};
  static const std::vector<Format> formats = {
      {"folder", "a folder", is_folder, open_folder, lists},
      {"idx", "an IDX file", looks_like_idx, open_idx, {"--labels", "--classes"}, true},
      {"cifar10", "a .bin file of CIFAR-10", could_be_cifar10, open_cifar10, {"--split"}, true},
      {"cifar100", "a .bin file of CIFAR-100", could_be_cifar100, open_cifar100, {"--split"}, true},
      {"tar", "a tar archive", looks_like_tar, open_tar, lists},
      {"webdataset", "a WebDataset", looks_like_webdataset, open_webdataset, {"--classes"}},
      {"hdf5", "an HDF5 file with imgs", looks_like_hdf5, open_hdf5, {"--classes"}, true},
      {"shards", "a data set of data_prep", looks_like_data_set, open_data_set, {}, true},
  };
  return formats;
}

const Format& recognise(Path input) {
  std::vector<const Format*> found;
  for (const Format& format : formats()) {
    if (format.recognises(input)) found.push_back(&format);
  }
  // Any folder can be one of images, where it is nothing more particular.
  if (found.size() > 1 && found.front()->name == "folder") found.erase(found.begin());
  if (found.empty()) {
    std::vector<std::string> known;
    for (const Format& format : formats()) known.push_back(format.what);
    throw core::UsageError(input + " is neither " + core::join(known, " nor "),
                           "see --input and --format in data_prep shard --help");
  }
  if (found.size() > 1) {
    throw core::UsageError(input + " can be " + found[0]->name + " and " + found[1]->name,
                           "say what it is with --format");
  }
  return *found.front();
}

const Format& named(const std::string& name) {
  for (const Format& format : formats()) {
    if (format.name == name) return format;
  }
  throw core::UsageError(
      "--format = '" + name + "' must be one of " + core::join(format_names(), ", "),
      "auto tells most of them apart");
}

bool takes(const Format& format, const std::string& option) {
  return std::find(format.options.begin(), format.options.end(), option) != format.options.end();
}

void check_options(Request request, const Format& format) {
  const std::vector<std::pair<std::string, std::string>> given = {{"--labels", request.labels},
                                                                  {"--synsets", request.synsets},
                                                                  {"--classes", request.classes},
                                                                  {"--split", request.split}};
  for (const auto& [option, value] : given) {
    if (value.empty() || takes(format, option)) continue;
    std::vector<std::string> users;
    for (const Format& other : formats()) {
      if (takes(other, option)) users.push_back(other.name);
    }
    throw core::UsageError(option + " belongs to --format " + core::join(users, " or "),
                           "the input is taken as --format " + format.name);
  }
}

}  // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> names = {"auto"};
  for (const Format& format : formats()) names.push_back(format.name);
  return names;
}

std::unique_ptr<ImageSource> open_source(const SourceRequest& request) {
  const auto files = core::make_posix_file_system();
  if (!files->exists(request.input)) {
    std::string missing = request.input;
    for (const std::string& path : archives_of(request.input)) {
      missing = files->exists(path) ? "" : path;
      if (!missing.empty()) break;
    }
    if (!missing.empty()) {
      throw core::UsageError("input " + missing + " does not exist", "check --input");
    }
  }
  const Format& format =
      request.format == "auto" ? recognise(request.input) : named(request.format);
  check_options(request, format);
  // Before a large source is listed.
  if (!request.has_size && !format.has_one_size) {
    throw core::UsageError("--size is missing",
                           "images of --format " + format.name + " have any size; as --size 128");
  }
  return format.open(request);
}

}  // namespace bbg::data_prep
