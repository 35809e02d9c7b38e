#pragma once
// dataset.json: the one file that opens a data set. It names the shards, and says everything that
// is true of all samples together. It is written last, so a data set that has it is whole. The page
// about it: docs/shard_format.md.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/encoding.h"

namespace bbg::data {

inline constexpr const char* kManifestName = "dataset.json";

struct Manifest {
  struct Class {
    std::string name;
    int64_t samples = 0;
  };
  struct Shard {
    std::string file;  // beside the manifest
    int64_t samples = 0, bytes = 0;
    std::string digest;  // data::shard_digest
  };

  Encoding encoding = Encoding::kRaw;
  int64_t height = 0, width = 0, channels = 0;  // height, width: 0 where images differ in size
  int64_t samples = 0;
  std::string fingerprint;  // data::Fingerprint
  std::vector<Class> classes;
  int64_t unlabelled = 0;
  std::vector<Shard> shards;                // in order of samples; one without samples may be there
  std::string source;                       // its origin, for people
  std::map<std::string, std::string> made;  // how images became samples: resample, fit, ...
  std::map<std::string, int64_t> left_out;  // things beside images in the origin, by kind
  std::string tool;                         // program and version

  bool operator==(const Manifest&) const = default;
  std::vector<std::string> class_names() const;
};
bool operator==(const Manifest::Class&, const Manifest::Class&);
bool operator==(const Manifest::Shard&, const Manifest::Shard&);

// JSON with a checksum over itself; the same manifest gives the same text.
std::string text_of(const Manifest& manifest);
// UsageError where the text is damaged, of another version, or contradicts itself. `path` is for
// messages.
Manifest parse_manifest(const std::string& text, const std::string& path);

}  // namespace bbg::data
