#pragma once
// The files of a tar archive: their names and where they lie. ImageNet's takes 80 MB of memory.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data_prep/sources/byte_source.h"
#include "data_prep/sources/left_out.h"
#include "data_prep/sources/name_list.h"

namespace bbg::data_prep {

struct TarIndex {
  struct File {
    int64_t offset, bytes;
    uint32_t archive = 0;  // see append_folder()
    bool operator==(const File&) const = default;
  };
  NameList names;                    // in the archive's order
  std::vector<File> files;           // one a name
  NameList notes;                    // one a name where TarScan makes them, else none
  std::vector<std::string> folders;  // in the archive's order, some of them more than once
  LeftOut left_out;                  // links, devices, sparse files
};

// How to go through an archive.
struct TarScan {
  // Archives inside, as ImageNet's training set has one a class, are folders: "n01440764.tar" is
  // the folder n01440764. Archives inside those are files.
  bool enters_archives = true;
  // Makes a short text of a file's content, and none of most files; or null.
  bool (*has_note)(std::string_view name) = nullptr;
  std::string (*note)(std::string_view name, std::string_view content) = nullptr;
};

// UsageError where the archive is truncated, damaged or compressed.
TarIndex index_tar(const ByteSource& bytes, const TarScan& scan = {});

// Puts what `part` has into a folder of `index`. `offset` and `archive` say where it lies.
void append_folder(TarIndex& index, const TarIndex& part, const std::string& folder, int64_t offset,
                   uint32_t archive);

}  // namespace bbg::data_prep
