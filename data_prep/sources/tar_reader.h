#pragma once
// Goes through the members of a tar archive and reads nothing but their headers. Knows ustar, GNU's
// long names and large sizes, pax headers (POSIX.1-2001) and the old layout. One thread at a time.

#include <cstdint>
#include <optional>
#include <string>

#include "data_prep/sources/byte_source.h"
#include "data_prep/sources/tar_header.h"

namespace bbg::data_prep {

struct TarMember {
  enum class Kind { kFile, kFolder, kOther };
  Kind kind = Kind::kOther;
  std::string name;               // clean: "a/b.jpg" for "./a//b.jpg" and "/a/b.jpg"
  std::string other;              // kOther: "hard link", "device"
  int64_t offset = 0, bytes = 0;  // kFile: where its content lies
};

class TarReader {
 public:
  explicit TarReader(const ByteSource& bytes) : bytes_(bytes) {}  // `bytes` outlives it

  // The next member; none at the end. UsageError where the archive is compressed, truncated,
  // damaged or none at all.
  std::optional<TarMember> next();

 private:
  // Said of one member before its own header.
  struct Ahead {
    std::optional<std::string> name;
    std::optional<int64_t> bytes;
    bool is_sparse = false;
  };

  std::optional<TarHeader> read_header();
  TarBlock read_block();
  std::string read_text(const TarHeader& header);
  void read_pax(const std::string& records, Ahead& ahead) const;
  void skip(int64_t bytes, const std::string& name);
  void look_behind_end() const;
  [[noreturn]] void fail_truncated(const std::string& where) const;
  [[noreturn]] void fail_damaged(const std::string& what) const;

  const ByteSource& bytes_;
  int64_t at_ = 0;  // where the next header is
  Ahead global_;    // pax headers for all members that follow
  bool is_at_end_ = false;
};

}  // namespace bbg::data_prep
