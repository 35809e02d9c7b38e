#include "data/shard_set.h"

#include <algorithm>
#include <filesystem>
#include <regex>
#include <utility>

#include "core/error.h"
#include "core/file_system.h"
#include "core/paths.h"
#include "data/damaged_file.h"
#include "data/format1/format1_reader.h"
#include "data/manifest.h"
#include "data/shard_format.h"
#include "data/shard_reader.h"

namespace bbg::data {

namespace fs = std::filesystem;

struct ShardSet::Facts {
  std::shared_ptr<const SampleSource> source;  // shared with loaders
  int64_t format_version;
  std::vector<std::string> class_names;
  std::vector<int64_t> class_counts;
  int64_t unlabelled;
  std::string fingerprint, source_text;
  std::map<std::string, std::string> made;
  std::vector<std::string> files;
  int64_t file_bytes;
  Check check;
};

namespace {

// Samples of another source under other labels.
class Relabelled final : public SampleSource {
 public:
  Relabelled(std::shared_ptr<const SampleSource> original, std::vector<int64_t> labels)
      : original_(std::move(original)), labels_(std::move(labels)) {}

  int64_t size() const override { return original_->size(); }
  Encoding encoding() const override { return original_->encoding(); }
  int64_t height() const override { return original_->height(); }
  int64_t width() const override { return original_->width(); }
  int64_t channels() const override { return original_->channels(); }
  image::DecodeOptions decode_options() const override { return original_->decode_options(); }
  void read_pixels(int64_t index, std::span<uint8_t> out, Check check) const override {
    original_->read_pixels(index, out, check);
  }
  std::span<const uint8_t> read(int64_t index, std::vector<uint8_t>& buffer,
                                Check check) const override {
    return original_->read(index, buffer, check);
  }
  int64_t label(int64_t index) const override {
    const int64_t stored = original_->label(index);
    return stored < 0 ? stored : labels_[static_cast<size_t>(stored)];
  }
  std::string file(int64_t index) const override { return original_->file(index); }
  std::string name(int64_t index) const override { return original_->name(index); }
  bool has_waited() const override { return original_->has_waited(); }
  void will_read(int64_t index) const override { original_->will_read(index); }

 private:
  std::shared_ptr<const SampleSource> original_;
  std::vector<int64_t> labels_;  // new number by stored one
};

bool is_shard_of_an_interrupted_set(const std::string& file_name) {
  static const std::regex pattern(R"(data-[0-9a-f]{8}-\d{5,}-of-\d{5,}\.h5(\.partial)?)");
  return std::regex_match(file_name, pattern);
}

bool is_format1_name(const std::string& file_name) {
  static const std::regex pattern(R"([^.].*-\d{5,}-of-\d{5,}\.h5)");
  return std::regex_match(file_name, pattern);
}

// The shards of a set of format 1.
std::vector<std::string> format1_paths(const std::string& folder) {
  std::vector<std::string> paths;
  bool was_interrupted = false;
  for (const std::string& name : core::make_posix_file_system()->list(folder)) {
    if (is_shard_of_an_interrupted_set(name)) {
      was_interrupted = true;
    } else if (is_format1_name(name)) {
      paths.push_back((fs::path(folder) / name).string());
    }
    was_interrupted |= core::is_partial(name);
  }
  if (!paths.empty()) return paths;
  if (was_interrupted) {
    throw core::UsageError(
        "data folder " + folder + " has no " + kManifestName + ": data_prep has not finished it",
        "start data_prep shard again with the same options: it goes on");
  }
  throw core::UsageError("data folder " + folder + " has no data set: neither " + kManifestName +
                             " nor shards of format 1",
                         "make one with data_prep shard --output " + folder);
}

// More than these are not looked at one by one: many ranks would ask a file system for each.
constexpr size_t kShardsLookedAt = 4096;

// Tells at the start of files that are missing or have another size.
void check_files(const Manifest& manifest, const std::string& folder) {
  for (size_t i = 0; i < std::min(manifest.shards.size(), kShardsLookedAt); ++i) {
    const Manifest::Shard& shard = manifest.shards[i];
    const std::string path = (fs::path(folder) / shard.file).string();
    std::error_code error;
    const auto bytes = static_cast<int64_t>(fs::file_size(path, error));
    if (error == std::errc::no_such_file_or_directory) {
      throw core::UsageError(path + " is missing, which " + kManifestName + " names", kRepairHint);
    }
    if (!error && bytes != shard.bytes) {
      throw core::UsageError(path + " is " + (bytes < shard.bytes ? "truncated" : "too long") +
                                 ": " + std::to_string(bytes) + " bytes, and " + kManifestName +
                                 " says " + std::to_string(shard.bytes),
                             kRepairHint);
    }
  }
}

ShardSet::Facts facts_of_manifest(const std::string& path, bool verify_on_read) {
  const std::string text = core::make_posix_file_system()->read(path);
  const auto reader =
      std::make_shared<const ShardReader>(core::folder_of(path), parse_manifest(text, path));
  const Manifest& manifest = reader->manifest();
  check_files(manifest, core::folder_of(path));
  reader->layout(0);  // most faults of a whole set show in its first shard
  ShardSet::Facts facts{.source = reader,
                        .format_version = kFormatVersion,
                        .class_names = manifest.class_names(),
                        .class_counts = {},
                        .unlabelled = manifest.unlabelled,
                        .fingerprint = manifest.fingerprint,
                        .source_text = manifest.source,
                        .made = manifest.made,
                        .files = {},
                        .file_bytes = 0,
                        .check = verify_on_read ? Check::kVerify : Check::kTrust};
  for (const Manifest::Class& one : manifest.classes) facts.class_counts.push_back(one.samples);
  for (size_t i = 0; i < manifest.shards.size(); ++i) {
    facts.files.push_back(reader->path(i));
    facts.file_bytes += manifest.shards[i].bytes;
  }
  return facts;
}

ShardSet::Facts facts_of_format1(const std::vector<std::string>& paths, bool verify_on_read) {
  const auto reader = std::make_shared<const format1::Reader>(paths);
  ShardSet::Facts facts{
      .source = reader,
      .format_version = format1::kFormatVersion,
      .class_names = reader->class_names(),
      .class_counts = std::vector<int64_t>(static_cast<size_t>(reader->header().num_classes)),
      .unlabelled = 0,
      .fingerprint = reader->header().fingerprint,
      .source_text = reader->header().source,
      .made = {},
      .files = reader->files(),
      .file_bytes = reader->file_bytes(),
      .check = verify_on_read ? Check::kVerify : Check::kTrust};
  for (int64_t i = 0; i < reader->size(); ++i) {
    const int64_t label = reader->label(i);
    ++(label < 0 ? facts.unlabelled : facts.class_counts[static_cast<size_t>(label)]);
  }
  return facts;
}

// The file that opens the set: its manifest, or a shard of format 1; none in a folder of these.
std::optional<std::string> opening_file(const std::string& path) {
  if (path.empty()) throw core::UsageError("no data set is given", "set data.shards to a folder");
  std::error_code error;
  if (fs::is_regular_file(path, error)) return path;
  const auto files = core::make_posix_file_system();
  if (!files->exists(path) || !fs::is_directory(path, error)) {
    throw core::UsageError("data folder " + path + " does not exist",
                           "check the path, or make shards with data_prep shard --output " + path);
  }
  const std::string manifest = (fs::path(path) / kManifestName).string();
  return files->exists(manifest) ? std::optional(manifest) : std::nullopt;
}

}  // namespace

ShardSet::ShardSet(std::shared_ptr<const Facts> facts) : facts_(std::move(facts)) {}

ShardSet ShardSet::open(const std::string& path, bool verify_on_read) {
  const std::optional<std::string> file = opening_file(path);
  const bool is_manifest = file && file->ends_with(".json");
  return ShardSet(std::make_shared<const Facts>(
      is_manifest
          ? facts_of_manifest(*file, verify_on_read)
          : facts_of_format1(file ? std::vector{*file} : format1_paths(path), verify_on_read)));
}

int64_t ShardSet::size() const { return facts_->source->size(); }
Encoding ShardSet::encoding() const { return facts_->source->encoding(); }
int64_t ShardSet::height() const { return facts_->source->height(); }
int64_t ShardSet::width() const { return facts_->source->width(); }
int64_t ShardSet::channels() const { return facts_->source->channels(); }
int64_t ShardSet::format_version() const { return facts_->format_version; }
int64_t ShardSet::num_classes() const { return std::ssize(facts_->class_counts); }
const std::vector<std::string>& ShardSet::class_names() const { return facts_->class_names; }
const std::vector<int64_t>& ShardSet::class_counts() const { return facts_->class_counts; }
const std::string& ShardSet::fingerprint() const { return facts_->fingerprint; }
const std::string& ShardSet::source_text() const { return facts_->source_text; }
const std::vector<std::string>& ShardSet::files() const { return facts_->files; }
const std::map<std::string, std::string>& ShardSet::made() const { return facts_->made; }
int64_t ShardSet::file_bytes() const { return facts_->file_bytes; }
Check ShardSet::check() const { return facts_->check; }
const std::shared_ptr<const SampleSource>& ShardSet::source() const { return facts_->source; }

void ShardSet::read(int64_t index, std::span<uint8_t> out) const {
  facts_->source->read_pixels(index, out, facts_->check);
}

int64_t ShardSet::label(int64_t index) const { return facts_->source->label(index); }
std::string ShardSet::file(int64_t index) const { return facts_->source->file(index); }

std::optional<int64_t> ShardSet::first_without_label(int64_t first, int64_t count) const {
  if (facts_->unlabelled == 0) return std::nullopt;
  for (int64_t i = first; i < first + count; ++i) {
    if (label(i) < 0) return i;
  }
  return std::nullopt;
}

ShardSet ShardSet::read_through(std::shared_ptr<const SampleSource> source) const {
  auto facts = std::make_shared<Facts>(*facts_);
  facts->source = std::move(source);
  return ShardSet(std::move(facts));
}

ShardSet ShardSet::relabelled(const std::vector<int64_t>& labels,
                              std::vector<std::string> class_names) const {
  BBG_CHECK(std::ssize(labels) == num_classes(), "a label for every class");
  auto facts = std::make_shared<Facts>(*facts_);
  facts->source = std::make_shared<const Relabelled>(facts_->source, labels);
  facts->class_names = std::move(class_names);
  facts->class_counts.assign(facts->class_names.size(), 0);
  for (size_t i = 0; i < labels.size(); ++i) {
    facts->class_counts[static_cast<size_t>(labels[i])] += facts_->class_counts[i];
  }
  return ShardSet(std::move(facts));
}

}  // namespace bbg::data
