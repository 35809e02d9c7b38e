#include "checkpoint/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/hash.h"

namespace bbg::checkpoint {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTextKey = "__metadata__";
constexpr size_t kLengthBytes = 8;
// So that a mapped file's data suits vector loads; the format asks for no alignment.
constexpr size_t kAlignment = 64;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the Python package refuses more

constexpr std::pair<const char*, at::ScalarType> kTypes[] = {
    {"F32", at::kFloat}, {"F64", at::kDouble}, {"BF16", at::kBFloat16}, {"F16", at::kHalf},
    {"I64", at::kLong},  {"I32", at::kInt},    {"U8", at::kByte},       {"BOOL", at::kBool}};

std::string name_of(at::ScalarType type) {
  for (const auto& [name, known] : kTypes) {
    if (known == type) return name;
  }
  core::check_failed("dtype", std::string("safetensors cannot hold ") + at::toString(type),
                     __FILE__, __LINE__);
}

std::optional<at::ScalarType> type_of(const std::string& name) {
  for (const auto& [known, type] : kTypes) {
    if (name == known) return type;
  }
  return std::nullopt;
}

Json header_of(const core::StateDict& state) {
  Json header = Json::object();
  if (!state.text.empty()) header[kTextKey] = state.text;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : state.tensors) {
    BBG_CHECK(tensor.defined(), "undefined tensor in a state: " + name);
    BBG_CHECK(name != kTextKey && !header.contains(name), "tensor name used twice: " + name);
    const uint64_t end = offset + tensor.nbytes();
    header[name] = {{"dtype", name_of(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  return header;
}

// One tensor's place, as the header states it.
struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  uint64_t begin, end;
};

class Reader {
 public:
  Reader(std::string_view content, std::string name) : content_(content), name_(std::move(name)) {}

  core::StateDict read() {
    const Json header = parse_header();
    const std::string_view data = content_.substr(data_begin_);
    core::StateDict state;
    std::vector<Entry> entries;
    for (const auto& [key, value] : header.items()) {
      if (key == kTextKey) {
        read_text(value, state);
      } else {
        entries.push_back(read_entry(key, value));
      }
    }
    // Stable: empty tensors share their offset with the next one and keep the header's order.
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    uint64_t position = 0;
    for (const Entry& entry : entries) {
      if (entry.begin < position) fail("tensor '" + entry.name + "' overlaps the one before it");
      if (entry.begin > position) fail("bytes before tensor '" + entry.name + "' belong to none");
      position = entry.end;
    }
    if (position > data.size()) {
      fail("it is truncated: " + std::to_string(position) + " bytes of tensors are announced, " +
           std::to_string(data.size()) + " are there");
    }
    if (position < data.size()) {
      fail(std::to_string(data.size() - position) + " bytes behind the last tensor belong to none");
    }
    for (const Entry& entry : entries) {
      at::Tensor tensor = at::empty(entry.shape, entry.type);
      if (entry.end > entry.begin) {
        std::memcpy(tensor.data_ptr(), data.data() + entry.begin, entry.end - entry.begin);
      }
      state.tensors.emplace_back(entry.name, std::move(tensor));
    }
    return state;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw core::UsageError(name_ + " is not a good safetensors file: " + problem,
                           "restore the file from where it came from, or use another one");
  }

  Json parse_header() {
    if (content_.size() < kLengthBytes)
      fail("it has only " + std::to_string(content_.size()) + " bytes");
    uint64_t length = 0;
    std::memcpy(&length, content_.data(), kLengthBytes);
    if (length > kMaxHeaderBytes || length > content_.size() - kLengthBytes) {
      fail("its header of " + std::to_string(length) + " bytes does not fit");
    }
    data_begin_ = kLengthBytes + length;
    const std::string_view text = content_.substr(kLengthBytes, length);
    if (text.empty() || text.front() != '{') fail("its header is not a JSON object");
    // The parser would silently keep the last of two equal keys.
    std::vector<std::set<std::string>> keys;
    std::string twice;
    const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key &&
          !keys.back().insert(parsed.get<std::string>()).second) {
        twice = parsed.get<std::string>();
      }
      return true;
    };
    Json header = Json::parse(text, watch, false);
    if (header.is_discarded()) fail("its header is not JSON");
    if (!twice.empty()) fail("its header has '" + twice + "' twice");
    return header;
  }

  void read_text(const Json& value, core::StateDict& state) const {
    if (!value.is_object()) fail("__metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail("__metadata__ entry '" + key + "' is not text");
      state.text[key] = text.get<std::string>();
    }
  }

  Entry read_entry(const std::string& name, const Json& value) const {
    const auto bad = [&](const std::string& what) { fail("tensor '" + name + "': " + what); };
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
        !value.contains("shape") || !value.contains("data_offsets")) {
      bad("not exactly dtype, shape and data_offsets");
    }
    const Json &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
    const auto is_count = [](const Json& number) { return number.is_number_unsigned(); };
    if (!dtype.is_string() || !type_of(dtype)) bad("unknown dtype " + dtype.dump());
    if (!shape.is_array() || !std::all_of(shape.begin(), shape.end(), is_count)) {
      bad("bad shape " + shape.dump());
    }
    if (!offsets.is_array() || offsets.size() != 2 || !is_count(offsets[0]) ||
        !is_count(offsets[1]) || offsets[0].get<uint64_t>() > offsets[1].get<uint64_t>()) {
      bad("bad data_offsets " + offsets.dump());
    }
    Entry entry{name, *type_of(dtype), {}, offsets[0], offsets[1]};
    // Beyond any real file, and far from overflow.
    constexpr uint64_t kMaxBytes = uint64_t{1} << 56;
    uint64_t bytes = c10::elementSize(entry.type);
    bool is_empty = false;
    for (const Json& side : shape) {
      const auto count = side.get<uint64_t>();
      is_empty |= count == 0;
      if (count > kMaxBytes || (count > 0 && bytes > kMaxBytes / count)) {
        bad("bad shape " + shape.dump());
      }
      if (count > 0) bytes *= count;
      entry.shape.push_back(static_cast<int64_t>(count));
    }
    if (is_empty) bytes = 0;
    if (entry.end - entry.begin != bytes) {
      bad("shape " + shape.dump() + " of " + dtype.dump() + " needs " + std::to_string(bytes) +
          " bytes, data_offsets give " + std::to_string(entry.end - entry.begin));
    }
    return entry;
  }

  std::string_view content_;
  std::string name_;
  size_t data_begin_ = 0;
};

}  // namespace

WrittenFile write_safetensors(core::FileSystem& files, const std::string& path,
                              const core::StateDict& state) {
  // Text that is not UTF-8 (a path may be anything) cannot be JSON: such bytes become U+FFFD.
  std::string header = header_of(state).dump(-1, ' ', false, Json::error_handler_t::replace);
  const size_t unpadded = kLengthBytes + header.size();
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  const uint64_t length = header.size();

  const std::unique_ptr<core::WritableFile> file = files.create(path);
  core::Hasher hasher;
  WrittenFile written;
  const auto append = [&](std::span<const std::byte> bytes) {
    file->append(bytes);
    hasher.add(bytes);
    written.bytes += static_cast<int64_t>(bytes.size());
  };
  append(std::as_bytes(std::span(&length, 1)));
  append(std::as_bytes(std::span(header)));
  for (const auto& entry : state.tensors) {
    const at::Tensor tensor = entry.second.detach().to(at::kCPU).contiguous();
    if (tensor.numel() > 0) {
      append({static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()});
    }
  }
  file->sync();
  file->close();
  written.checksum = hasher.digest();
  return written;
}

core::StateDict parse_safetensors(std::string_view content, const std::string& name) {
  return Reader(content, name).read();
}

core::StateDict read_safetensors(core::FileSystem& files, const std::string& path) {
  if (!files.exists(path)) {
    throw core::UsageError("there is no file " + path, "check the path");
  }
  return parse_safetensors(files.read(path), path);
}

}  // namespace bbg::checkpoint
