#include "data_prep/sources/tar_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace bbg::data_prep {

namespace {

constexpr int64_t kMaxText = 1 << 20;  // bytes of a long name or of pax records; more are damage

[[noreturn]] void refuse(const ByteSource& bytes) {
  using namespace std::string_view_literals;
  struct Compression {
    std::string_view magic, name, command;
  };
  constexpr std::array<Compression, 5> kCompressions = {{{"\x1f\x8b"sv, "gzip", "gzip -d"},
                                                         {"BZh"sv, "bzip2", "bzip2 -d"},
                                                         {"\xfd\x37zXZ\0"sv, "xz", "xz -d"},
                                                         {"\x28\xb5\x2f\xfd"sv, "zstd", "zstd -d"},
                                                         {"\x04\x22\x4d\x18"sv, "lz4", "lz4 -d"}}};
  std::array<uint8_t, 6> start{};
  bytes.read_at(0, std::span(start).first(static_cast<size_t>(std::min<int64_t>(6, bytes.size()))));
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  for (const Compression& compression : kCompressions) {
    if (!text.starts_with(compression.magic)) continue;
    throw core::UsageError(
        bytes.name() + " is compressed with " + std::string(compression.name) +
            ", and images inside could not be found without reading it from the beginning",
        "unpack it first: " + std::string(compression.command) + " '" + bytes.name() + "'");
  }
  throw core::UsageError(bytes.name() + (bytes.size() == 0 ? " is empty"
                                                           : " is not a tar archive: it does not "
                                                             "begin with a header"),
                         "check --input, or fetch the file again");
}

// Without "." and empty parts.
std::string clean(std::string_view name) {
  std::string result;
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(part.size() + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (!result.empty()) result += '/';
    result += part;
  }
  return result;
}

std::string other_kind(char type) {
  switch (type) {
    case '1':
      return "hard link";
    case '2':
      return "symbolic link";
    case '3':
    case '4':
      return "device";
    case '6':
      return "special file";
    case 'S':
      return "sparse file";
    default:
      return "member of another kind";
  }
}

// Links, devices and folders have no content, whatever their header says.
bool has_content(char type) { return type < '1' || type > '6'; }

int64_t padded(int64_t bytes) { return (bytes + kTarBlock - 1) / kTarBlock * kTarBlock; }

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<TarMember> TarReader::next() {
  Ahead ahead;
  while (std::optional<TarHeader> header = read_header()) {
    if (header->type == 'L') {
      ahead.name = read_text(*header);
    } else if (header->type == 'K') {
      read_text(*header);  // the long target of a link
    } else if (header->type == 'x' || header->type == 'X') {
      read_pax(read_text(*header), ahead);
    } else if (header->type == 'g') {
      read_pax(read_text(*header), global_);
    } else {
      const std::string name = ahead.name ? *ahead.name : global_.name.value_or(header->name);
      // The old layout has folders as files whose whole name ends so.
      if (header->type == '\0') header->type = name.ends_with('/') ? '5' : '0';
      const std::optional<int64_t> bytes = ahead.bytes ? ahead.bytes : global_.bytes;
      TarMember member{.name = clean(name),
                       .other = ahead.is_sparse ? other_kind('S') : other_kind(header->type),
                       .offset = at_,
                       .bytes = has_content(header->type) ? bytes.value_or(header->bytes) : 0};
      if (header->type == '0' && !ahead.is_sparse) member.kind = TarMember::Kind::kFile;
      if (header->type == '5') member.kind = TarMember::Kind::kFolder;
      for (bool more = header->has_extension; more; member.offset = at_) {
        more = extension_has_next(read_block());
      }
      skip(member.bytes, member.name);
      return member;
    }
  }
  if (ahead.name || ahead.bytes || ahead.is_sparse) fail_truncated("behind a header");
  return std::nullopt;
}

std::optional<TarHeader> TarReader::read_header() {
  if (is_at_end_) return std::nullopt;
  // The end is two blocks of zeros. Without them a part is missing, as after a broken download.
  if (at_ == 0 && bytes_.size() < kTarBlock) refuse(bytes_);
  if (at_ == bytes_.size()) fail_truncated("where a mark of the end should be");
  const TarBlock block = read_block();
  if (is_zero(block)) {
    is_at_end_ = true;
    look_behind_end();
    return std::nullopt;
  }
  std::optional<TarHeader> header = parse_tar_header(block);
  if (header) return header;
  at_ -= kTarBlock;
  if (at_ == 0) refuse(bytes_);
  fail_damaged("the header at byte " + std::to_string(at_) + " has a wrong checksum");
}

TarBlock TarReader::read_block() {
  if (bytes_.size() - at_ < kTarBlock) fail_truncated("within a header");
  TarBlock block;
  bytes_.read_at(at_, block);
  at_ += kTarBlock;
  return block;
}

std::string TarReader::read_text(const TarHeader& header) {
  if (header.bytes > kMaxText) {
    fail_damaged("the header before byte " + std::to_string(at_) + " announces a name of " +
                 core::with_separators(header.bytes) + " bytes");
  }
  const int64_t begin = at_;
  skip(header.bytes, "a long name");
  std::string text(static_cast<size_t>(header.bytes), '\0');
  bytes_.read_at(begin, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  if (header.type == 'L' || header.type == 'K') text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

// Each record is "LENGTH KEY=VALUE\n"; the length counts all of it.
void TarReader::read_pax(const std::string& records, Ahead& ahead) const {
  std::string_view rest = records;
  while (!rest.empty() && rest.front() != '\0') {
    const size_t blank = rest.find(' ');
    const auto length = whole_number(rest.substr(0, std::min(blank, rest.size())));
    const size_t equals = rest.find('=');
    if (!length || equals == std::string_view::npos || equals < blank ||
        *length <= static_cast<int64_t>(equals) + 1 ||
        *length > static_cast<int64_t>(rest.size()) ||
        rest[static_cast<size_t>(*length) - 1] != '\n') {
      fail_damaged("the pax header before byte " + std::to_string(at_) + " makes no sense");
    }
    const std::string_view key = rest.substr(blank + 1, equals - blank - 1);
    const std::string_view value =
        rest.substr(equals + 1, static_cast<size_t>(*length) - equals - 2);
    // A record without a value takes an earlier one back.
    if (key == "path") ahead.name.reset();
    if (key == "path" && !value.empty()) ahead.name = std::string(value);
    if (key == "size") {
      ahead.bytes = whole_number(value);
      if (!ahead.bytes)
        fail_damaged("a pax header before byte " + std::to_string(at_) + " has no size");
    }
    if (key.starts_with("GNU.sparse.")) ahead.is_sparse = true;
    rest.remove_prefix(static_cast<size_t>(*length));
  }
}

void TarReader::skip(int64_t bytes, const std::string& name) {
  if (bytes > bytes_.size() - at_) {
    fail_truncated("within " + core::printable(name) + ", which needs " +
                   core::with_separators(bytes) + " bytes from byte " + std::to_string(at_));
  }
  at_ = std::min(at_ + padded(bytes), bytes_.size());
}

// Archives that were joined with cat have an end in the middle, where tar stops too.
void TarReader::look_behind_end() const {
  constexpr int64_t kMost = 1 << 20;
  const int64_t rest = std::min(kMost, bytes_.size() - at_) / kTarBlock;
  std::vector<uint8_t> behind(static_cast<size_t>(rest * kTarBlock));
  bytes_.read_at(at_, behind);
  for (int64_t i = 0; i < rest; ++i) {
    TarBlock block;
    std::copy_n(behind.begin() + i * kTarBlock, kTarBlock, block.begin());
    if (is_zero(block)) continue;
    if (!parse_tar_header(block)) return;
    throw core::UsageError(bytes_.name() +
                               " is several archives behind each other: one ends before byte " +
                               std::to_string(at_),
                           "join them with tar --concatenate, or list them: --input a.tar,b.tar");
  }
}

void TarReader::fail_truncated(const std::string& where) const {
  throw core::UsageError(bytes_.name() + " is truncated: its " +
                             core::with_separators(bytes_.size()) + " bytes end " + where,
                         "copy or fetch the archive again");
}

void TarReader::fail_damaged(const std::string& what) const {
  throw core::UsageError(bytes_.name() + " is damaged: " + what, "copy or fetch the archive again");
}

}  // namespace bbg::data_prep
