#include "data/hdf5_file.h"

#include <hdf5.h>

#include <mutex>
#include <type_traits>

#include "core/error.h"
#include "data/shard_format.h"

namespace bbg::data {

static_assert(std::is_same_v<hid_t, int64_t>);

namespace {

// Owns one identifier of the kind that `kClose` closes.
template <herr_t (*kClose)(hid_t)>
using Id = core::UniqueHandle<hid_t, H5I_INVALID_HID, kClose>;

// Held through each call of the class. Recursive, since some of them use others.
std::unique_lock<std::recursive_mutex> alone() {
  static std::recursive_mutex mutex;
  return std::unique_lock(mutex);
}

herr_t keep_innermost(unsigned position, const H5E_error2_t* error, void* text) {
  if (position == 0 && error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

struct Failure {
  std::string text;
  int code = 0;  // an errno, where a system call failed
};

Failure last_error() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &text);
  // Failed system calls come as a list of everything, over two lines: what failed and why is
  // enough.
  const std::string label = "errno = ";
  const size_t found = text.find(label);
  if (found == std::string::npos) return {.text = text};
  const int code = std::atoi(text.c_str() + found + label.size());
  return {.text = text.substr(0, text.find_first_of(":,")) + ": " + core::text_of_errno(code),
          .code = code};
}

hid_t memory_type(Hdf5File::Type type) {
  switch (type) {
    case Hdf5File::Type::kUint8:
      return H5T_NATIVE_UINT8;
    case Hdf5File::Type::kInt64:
      return H5T_NATIVE_INT64;
    case Hdf5File::Type::kUint64:
      return H5T_NATIVE_UINT64;
    case Hdf5File::Type::kFloat32:
      return H5T_NATIVE_FLOAT;
  }
  return -1;
}

hid_t file_type(Hdf5File::Type type) {
  switch (type) {
    case Hdf5File::Type::kUint8:
      return H5T_STD_U8LE;
    case Hdf5File::Type::kInt64:
      return H5T_STD_I64LE;
    case Hdf5File::Type::kUint64:
      return H5T_STD_U64LE;
    case Hdf5File::Type::kFloat32:
      return H5T_IEEE_F32LE;
  }
  return -1;
}

}  // namespace

Hdf5File::Hdf5File(const std::string& path, Mode mode)
    : path_(path), is_read_only_(mode == Mode::kRead) {
  const auto lock = alone();
  // Errors are read from the stack and thrown; the library must not print them.
  check(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), "H5Eset_auto2");
  const Id<H5Pclose> access(check(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate"));
  // The layout of version 1.8 guards the file's own structure with checksums, and old readers know
  // it.
  check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_LATEST),
        "H5Pset_libver_bounds");
  check(H5Pset_alignment(access.get(), kAlignment, kAlignment), "H5Pset_alignment");
  // Locks are refused by some network file systems, and a shard that is read never changes.
  check(H5Pset_file_locking(access.get(), false, true), "H5Pset_file_locking");
  if (mode == Mode::kCreate) {
    // Without times of day, so that the same images give the same bytes.
    const Id<H5Pclose> creation(check(H5Pcreate(H5P_FILE_CREATE), "H5Pcreate"));
    check(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times");
    file_.reset(
        check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), "H5Fcreate"));
  } else {
    const unsigned flags = mode == Mode::kRead ? H5F_ACC_RDONLY : H5F_ACC_RDWR;
    file_.reset(check(H5Fopen(path.c_str(), flags, access.get()), "H5Fopen"));
  }
}

int Hdf5File::close_file(int64_t file) {
  const auto lock = alone();
  return H5Fclose(file);
}

void Hdf5File::close() {
  const auto lock = alone();
  check(file_.close(), "H5Fclose");
}

int64_t Hdf5File::check(int64_t result, const char* call, const std::string& what) const {
  if (result >= 0) return result;
  const Failure failure = last_error();
  throw core::SystemError(
      {.call = call,
       .object = path_ + (what.empty() ? "" : ": " + what),
       .cause = failure.text,
       .code = failure.code,
       .restart_can_help = is_read_only_ && core::reading_may_succeed_later(failure.code)});
}

bool Hdf5File::has_attribute(const std::string& name) const {
  const auto lock = alone();
  return check(H5Aexists(file_.get(), name.c_str()), "H5Aexists", name) > 0;
}

void Hdf5File::write_attribute(const std::string& name, int64_t value) {
  const auto lock = alone();
  const Id<H5Sclose> space(check(H5Screate(H5S_SCALAR), "H5Screate"));
  const Id<H5Aclose> attribute(check(
      H5Acreate2(file_.get(), name.c_str(), H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT),
      "H5Acreate2", name));
  check(H5Awrite(attribute.get(), H5T_NATIVE_INT64, &value), "H5Awrite", name);
}

void Hdf5File::write_attribute(const std::string& name, const std::string& text) {
  const auto lock = alone();
  const Id<H5Sclose> space(check(H5Screate(H5S_SCALAR), "H5Screate"));
  const Id<H5Tclose> type(check(H5Tcopy(H5T_C_S1), "H5Tcopy"));
  check(H5Tset_size(type.get(), text.size() + 1), "H5Tset_size", name);
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset", name);
  const Id<H5Aclose> attribute(check(
      H5Acreate2(file_.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
      "H5Acreate2", name));
  check(H5Awrite(attribute.get(), type.get(), text.c_str()), "H5Awrite", name);
}

int64_t Hdf5File::read_number(const std::string& name) const {
  const auto lock = alone();
  const Id<H5Aclose> attribute(
      check(H5Aopen(file_.get(), name.c_str(), H5P_DEFAULT), "H5Aopen", name));
  const Id<H5Sclose> space(check(H5Aget_space(attribute.get()), "H5Aget_space", name));
  // Any other size would be written past the value below.
  check(H5Sget_simple_extent_npoints(space.get()) == 1 ? 0 : -1, "H5Sget_simple_extent_npoints",
        name);
  int64_t value = 0;
  check(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value), "H5Aread", name);
  return value;
}

std::string Hdf5File::read_text(const std::string& name) const {
  const auto lock = alone();
  const Id<H5Aclose> attribute(
      check(H5Aopen(file_.get(), name.c_str(), H5P_DEFAULT), "H5Aopen", name));
  const Id<H5Tclose> type(check(H5Aget_type(attribute.get()), "H5Aget_type", name));
  const bool is_fixed_text =
      H5Tget_class(type.get()) == H5T_STRING && H5Tis_variable_str(type.get()) == 0;
  check(is_fixed_text ? 0 : -1, "H5Aget_type", name + " is not text of fixed length");
  std::string text(static_cast<size_t>(H5Aget_storage_size(attribute.get())), '\0');
  check(text.size() == H5Tget_size(type.get()) ? 0 : -1, "H5Aget_storage_size", name);
  check(H5Aread(attribute.get(), type.get(), text.data()), "H5Aread", name);
  return text.substr(0, text.find('\0'));
}

void Hdf5File::create_dataset(const std::string& name, Type type,
                              const std::vector<int64_t>& shape) {
  const auto lock = alone();
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  const Id<H5Sclose> space(
      check(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
            "H5Screate_simple", name));
  const Id<H5Pclose> creation(check(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate"));
  check(H5Pset_layout(creation.get(), H5D_CONTIGUOUS), "H5Pset_layout");
  check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time");
  check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), "H5Pset_fill_time");
  check(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times");
  const Id<H5Dclose> dataset(
      check(H5Dcreate2(file_.get(), name.c_str(), file_type(type), space.get(), H5P_DEFAULT,
                       creation.get(), H5P_DEFAULT),
            "H5Dcreate2", name));
}

void Hdf5File::write_texts(const std::string& name, const std::vector<std::string>& texts) {
  const auto lock = alone();
  const hsize_t count = texts.size();
  const Id<H5Sclose> space(check(H5Screate_simple(1, &count, nullptr), "H5Screate_simple", name));
  const Id<H5Tclose> type(check(H5Tcopy(H5T_C_S1), "H5Tcopy"));
  check(H5Tset_size(type.get(), H5T_VARIABLE), "H5Tset_size", name);
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset", name);
  const Id<H5Dclose> dataset(check(H5Dcreate2(file_.get(), name.c_str(), type.get(), space.get(),
                                              H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                   "H5Dcreate2", name));
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  check(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()),
        "H5Dwrite", name);
}

bool Hdf5File::has_dataset(const std::string& name) const {
  const auto lock = alone();
  if (check(H5Lexists(file_.get(), name.c_str(), H5P_DEFAULT), "H5Lexists", name) == 0)
    return false;
  const Id<H5Oclose> object(
      check(H5Oopen(file_.get(), name.c_str(), H5P_DEFAULT), "H5Oopen", name));
  return H5Iget_type(object.get()) == H5I_DATASET;
}

std::vector<int64_t> Hdf5File::shape(const std::string& name) const {
  const auto lock = alone();
  const Id<H5Dclose> dataset(
      check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen2", name));
  const Id<H5Sclose> space(check(H5Dget_space(dataset.get()), "H5Dget_space", name));
  const int64_t rank =
      check(H5Sget_simple_extent_ndims(space.get()), "H5Sget_simple_extent_ndims", name);
  std::vector<hsize_t> dims(static_cast<size_t>(rank));
  check(H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr), "H5Sget_simple_extent_dims",
        name);
  return {dims.begin(), dims.end()};
}

int64_t Hdf5File::offset(const std::string& name) const {
  const auto lock = alone();
  const Id<H5Dclose> dataset(
      check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen2", name));
  const haddr_t address = H5Dget_offset(dataset.get());
  check(address == HADDR_UNDEF ? -1 : 0, "H5Dget_offset", name);
  return static_cast<int64_t>(address);
}

bool Hdf5File::is_plain(const std::string& name, Type type) const {
  const auto lock = alone();
  const Id<H5Dclose> dataset(
      check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen2", name));
  const Id<H5Tclose> stored(check(H5Dget_type(dataset.get()), "H5Dget_type", name));
  const Id<H5Pclose> creation(
      check(H5Dget_create_plist(dataset.get()), "H5Dget_create_plist", name));
  return H5Tequal(stored.get(), file_type(type)) > 0 &&
         H5Pget_layout(creation.get()) == H5D_CONTIGUOUS &&
         H5Pget_external_count(creation.get()) == 0;
}

bool Hdf5File::is_integer(const std::string& name) const {
  const auto lock = alone();
  const Id<H5Dclose> dataset(
      check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen2", name));
  const Id<H5Tclose> stored(check(H5Dget_type(dataset.get()), "H5Dget_type", name));
  return H5Tget_class(stored.get()) == H5T_INTEGER;
}

bool Hdf5File::is_uint8(const std::string& name) const {
  const auto lock = alone();
  if (!is_integer(name)) return false;
  const Id<H5Dclose> dataset(
      check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen2", name));
  const Id<H5Tclose> stored(check(H5Dget_type(dataset.get()), "H5Dget_type", name));
  return H5Tget_size(stored.get()) == 1 && H5Tget_sign(stored.get()) == H5T_SGN_NONE;
}

int64_t Hdf5File::rows_together(const std::string& name) const {
  const auto lock = alone();
  const Id<H5Dclose> dataset(
      check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen2", name));
  const Id<H5Pclose> creation(
      check(H5Dget_create_plist(dataset.get()), "H5Dget_create_plist", name));
  // Without a filter HDF5 reads the wanted part of a chunk that is too large for its cache.
  if (H5Pget_layout(creation.get()) != H5D_CHUNKED || H5Pget_nfilters(creation.get()) == 0)
    return 1;
  std::vector<hsize_t> dims(shape(name).size());
  check(H5Pget_chunk(creation.get(), static_cast<int>(dims.size()), dims.data()), "H5Pget_chunk",
        name);
  return static_cast<int64_t>(dims.at(0));
}

std::string Hdf5File::missing_filter(const std::string& name) const {
  const auto lock = alone();
  const Id<H5Dclose> dataset(
      check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen2", name));
  const Id<H5Pclose> creation(
      check(H5Dget_create_plist(dataset.get()), "H5Dget_create_plist", name));
  const int filters = H5Pget_nfilters(creation.get());
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    std::string text(64, '\0');
    const H5Z_filter_t filter = H5Pget_filter2(creation.get(), static_cast<unsigned>(i), &flags,
                                               &values, nullptr, text.size(), text.data(), &config);
    check(filter, "H5Pget_filter2", name);
    if (H5Zfilter_avail(filter) > 0) continue;
    text.resize(text.find('\0'));
    return text.empty() ? "number " + std::to_string(filter) : text;
  }
  return "";
}

void Hdf5File::transfer(const std::string& name, Type type, int64_t first, int64_t count,
                        void* read_to, const void* write_from) const {
  const auto lock = alone();
  Id<H5Dclose> dataset(check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "H5Dopen2", name));
  const std::vector<int64_t> whole = shape(name);
  std::vector<hsize_t> start(whole.size(), 0);
  std::vector<hsize_t> extent(whole.begin(), whole.end());
  start[0] = static_cast<hsize_t>(first);
  extent[0] = static_cast<hsize_t>(count);
  const Id<H5Sclose> space(check(H5Dget_space(dataset.get()), "H5Dget_space", name));
  check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(),
                            nullptr),
        "H5Sselect_hyperslab", name);
  const Id<H5Sclose> memory(
      check(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
            "H5Screate_simple", name));
  if (read_to != nullptr) {
    check(
        H5Dread(dataset.get(), memory_type(type), memory.get(), space.get(), H5P_DEFAULT, read_to),
        "H5Dread", name);
  } else {
    check(H5Dwrite(dataset.get(), memory_type(type), memory.get(), space.get(), H5P_DEFAULT,
                   write_from),
          "H5Dwrite", name);
    // Buffered bytes are written here, so a full disk may show only now.
    check(dataset.close(), "H5Dclose", name);
  }
}

void Hdf5File::write_rows(const std::string& name, Type type, int64_t first, int64_t count,
                          const void* data) {
  transfer(name, type, first, count, nullptr, data);
}

void Hdf5File::read_rows(const std::string& name, Type type, int64_t first, int64_t count,
                         void* data) const {
  transfer(name, type, first, count, data, nullptr);
}

}  // namespace bbg::data
