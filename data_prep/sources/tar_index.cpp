#include "data_prep/sources/tar_index.h"

#include "data_prep/sources/in_parallel.h"
#include "data_prep/sources/tar_reader.h"

namespace bbg::data_prep {

namespace {

constexpr int64_t kMostBytesWithNote = 1 << 16;
constexpr std::string_view kArchiveEnd = ".tar";

bool is_archive(std::string_view name) {
  return name.ends_with(kArchiveEnd) && name.size() > kArchiveEnd.size() &&
         !name.ends_with("/.tar") && kind_of_file(name.substr(name.rfind('/') + 1)) == ".tar";
}

std::string note_of(const ByteSource& bytes, const TarMember& member, const TarScan& scan) {
  if (!scan.has_note(member.name) || member.bytes > kMostBytesWithNote) return "";
  std::string content(static_cast<size_t>(member.bytes), '\0');
  bytes.read_at(member.offset, {reinterpret_cast<uint8_t*>(content.data()), content.size()});
  return scan.note(member.name, content);
}

struct Inner {
  std::string name;
  int64_t offset, bytes;
};

// Archives inside go to `inner`.
TarIndex index_level(const ByteSource& bytes, const TarScan& scan, std::vector<Inner>* inner) {
  TarIndex index;
  TarReader reader(bytes);
  while (const std::optional<TarMember> member = reader.next()) {
    if (member->kind == TarMember::Kind::kOther) {
      ++index.left_out[member->other];
    } else if (member->name.empty()) {
      continue;  // "./"
    } else if (member->kind == TarMember::Kind::kFolder) {
      index.folders.push_back(member->name);
    } else if (inner != nullptr && is_archive(member->name)) {
      inner->push_back({member->name, member->offset, member->bytes});
    } else {
      index.names.add(member->name);
      index.files.push_back({member->offset, member->bytes});
      if (scan.note != nullptr) index.notes.add(note_of(bytes, *member, scan));
    }
  }
  return index;
}

}  // namespace

TarIndex index_tar(const ByteSource& bytes, const TarScan& scan) {
  std::vector<Inner> inner;
  TarIndex index = index_level(bytes, scan, scan.enters_archives ? &inner : nullptr);
  std::vector<TarIndex> parts(inner.size());
  in_parallel(static_cast<int64_t>(inner.size()), [&](int64_t i) {
    const Inner& archive = inner[static_cast<size_t>(i)];
    const PartOfBytes part(bytes, bytes.name() + ": " + archive.name, archive.offset,
                           archive.bytes);
    parts[static_cast<size_t>(i)] = index_level(part, scan, nullptr);
  });
  for (size_t i = 0; i < inner.size(); ++i) {
    const std::string& name = inner[i].name;
    append_folder(index, parts[i], name.substr(0, name.size() - kArchiveEnd.size()),
                  inner[i].offset, 0);
    parts[i] = {};
  }
  return index;
}

void append_folder(TarIndex& index, const TarIndex& part, const std::string& folder, int64_t offset,
                   uint32_t archive) {
  index.folders.push_back(folder);
  for (const std::string& name : part.folders) index.folders.push_back(folder + "/" + name);
  for (size_t i = 0; i < part.names.size(); ++i) {
    index.names.add(folder + "/" + std::string(part.names[i]));
    index.files.push_back({offset + part.files[i].offset, part.files[i].bytes, archive});
    if (i < part.notes.size()) index.notes.add(part.notes[i]);
  }
  for (const auto& [kind, count] : part.left_out) index.left_out[kind] += count;
}

}  // namespace bbg::data_prep
