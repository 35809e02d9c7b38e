#include "data_prep/sources/tar_index_text.h"

#include <cstring>

namespace bbg::data_prep {

// Numbers are those of the machine, as all that run this are little-endian; a file of another kind
// of machine fails its checksum and is written anew.
void append_number(std::string& bytes, int64_t value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::optional<int64_t> take_number(std::string_view& bytes) {
  int64_t value = 0;
  if (bytes.size() < sizeof value) return std::nullopt;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

void append_text(std::string& bytes, std::string_view text) {
  append_number(bytes, static_cast<int64_t>(text.size()));
  bytes += text;
}

std::optional<std::string_view> take_text(std::string_view& bytes) {
  const std::optional<int64_t> size = take_number(bytes);
  if (!size || *size < 0 || *size > static_cast<int64_t>(bytes.size())) return std::nullopt;
  const std::string_view text = bytes.substr(0, static_cast<size_t>(*size));
  bytes.remove_prefix(text.size());
  return text;
}

void append_index(std::string& bytes, const TarIndex& index) {
  append_number(bytes, static_cast<int64_t>(index.files.size()));
  append_number(bytes, static_cast<int64_t>(index.notes.size()));
  for (size_t i = 0; i < index.files.size(); ++i) {
    append_text(bytes, index.names[i]);
    append_number(bytes, index.files[i].offset);
    append_number(bytes, index.files[i].bytes);
    if (i < index.notes.size()) append_text(bytes, index.notes[i]);
  }
  append_number(bytes, static_cast<int64_t>(index.folders.size()));
  for (const std::string& folder : index.folders) append_text(bytes, folder);
  append_number(bytes, static_cast<int64_t>(index.left_out.size()));
  for (const auto& [kind, count] : index.left_out) {
    append_text(bytes, kind);
    append_number(bytes, count);
  }
}

std::optional<TarIndex> take_index(std::string_view& bytes) {
  TarIndex index;
  const auto files = take_number(bytes), notes = take_number(bytes);
  if (!files || !notes || (*notes != 0 && *notes != *files)) return std::nullopt;
  for (int64_t i = 0; i < *files; ++i) {
    const auto name = take_text(bytes);
    const auto offset = take_number(bytes), size = take_number(bytes);
    if (!name || !offset || !size) return std::nullopt;
    index.names.add(*name);
    index.files.push_back({*offset, *size});
    if (*notes == 0) continue;
    const auto note = take_text(bytes);
    if (!note) return std::nullopt;
    index.notes.add(*note);
  }
  const auto folders = take_number(bytes);
  for (int64_t i = 0; i < folders.value_or(0); ++i) {
    const auto folder = take_text(bytes);
    if (!folder) return std::nullopt;
    index.folders.emplace_back(*folder);
  }
  const auto kinds = take_number(bytes);
  for (int64_t i = 0; i < kinds.value_or(0); ++i) {
    const auto kind = take_text(bytes);
    const auto count = take_number(bytes);
    if (!kind || !count) return std::nullopt;
    index.left_out[std::string(*kind)] = *count;
  }
  if (!folders || !kinds) return std::nullopt;
  return index;
}

}  // namespace bbg::data_prep
