#pragma once
// The few HDF5 calls that shards and foreign data sets need. Each is checked where it is made, with
// the library's own messages in the exception instead of on the terminal. HDF5 takes one thread at
// a time in the process: all calls wait for each other, so any thread may make them.

#include <cstdint>
#include <string>
#include <vector>

#include "core/unique_handle.h"

namespace bbg::data {

class Hdf5File {
 public:
  enum class Type { kUint8, kInt64, kUint64, kFloat32 };
  enum class Mode { kCreate, kRead, kUpdate };  // kCreate truncates

  // SystemError where HDF5 refuses; the cause is the library's text, the code an errno where a
  // system call failed, and 0 where the content is not as it should be.
  Hdf5File(const std::string& path, Mode mode);
  void close();  // the destructor does too, and loses errors

  bool has_attribute(const std::string& name) const;
  void write_attribute(const std::string& name, int64_t value);
  void write_attribute(const std::string& name, const std::string& text);
  int64_t read_number(const std::string& name) const;
  std::string read_text(const std::string& name) const;

  // Contiguous, its place in the file given at once.
  void create_dataset(const std::string& name, Type type, const std::vector<int64_t>& shape);
  bool has_dataset(const std::string& name) const;
  std::vector<int64_t> shape(const std::string& name) const;
  int64_t offset(const std::string& name) const;  // first byte, counted in the file
  // Rows [first, first + count) of the first dimension.
  void write_rows(const std::string& name, Type type, int64_t first, int64_t count,
                  const void* data);
  // A dataset of UTF-8 texts of any length.
  void write_texts(const std::string& name, const std::vector<std::string>& texts);
  void read_rows(const std::string& name, Type type, int64_t first, int64_t count,
                 void* data) const;
  // As stored: of this type, contiguous, unfiltered.
  bool is_plain(const std::string& name, Type type) const;
  // As stored: whole numbers of any size; those of one byte without a sign.
  bool is_integer(const std::string& name) const;
  bool is_uint8(const std::string& name) const;
  // Rows that are compressed together, and cost as much to read as one of them; 1: none are.
  int64_t rows_together(const std::string& name) const;
  // The name of a filter (compression) that this HDF5 has not; empty: it has all.
  std::string missing_filter(const std::string& name) const;

 private:
  static int close_file(int64_t file);
  int64_t check(int64_t result, const char* call, const std::string& what = "") const;
  void transfer(const std::string& name, Type type, int64_t first, int64_t count, void* read_to,
                const void* write_from) const;

  std::string path_;
  bool is_read_only_;
  core::UniqueHandle<int64_t, -1, &close_file> file_;
};

}  // namespace bbg::data
