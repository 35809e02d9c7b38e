#include "data_prep/sources/label_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "core/file_system.h"
#include "core/text.h"

namespace bbg::data_prep {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Fields of a line; a blank as separator stands for any number of them.
class Fields {
 public:
  Fields(std::string_view line, char separator) : rest_(line), separator_(separator) {
    do {
      all.push_back(next());
    } while (more_);
  }
  std::vector<std::string> all;

 private:
  std::string next() {
    std::string field;
    rest_ = rest_.substr(std::min(rest_.find_first_not_of(' '), rest_.size()));
    if (rest_.starts_with('"')) {
      rest_.remove_prefix(1);
      while (!rest_.empty()) {
        const bool is_quote = rest_.front() == '"';
        if (is_quote && !rest_.starts_with("\"\"")) break;
        field += rest_.front();
        rest_.remove_prefix(is_quote ? 2 : 1);  // two in a row mean one
      }
      rest_.remove_prefix(rest_.empty() ? 0 : 1);
    }
    const size_t end = std::min(rest_.find(separator_), rest_.size());
    field += trimmed(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (separator_ == ' ') rest_ = trimmed(rest_);
    more_ = !rest_.empty();
    if (more_ && separator_ != ' ') rest_.remove_prefix(1);
    return field;
  }

  std::string_view rest_;
  char separator_;
  bool more_ = false;
};

char separator_of(std::string_view line) {
  if (line.find('\t') != std::string_view::npos) return '\t';
  return line.find(',') != std::string_view::npos ? ',' : ' ';
}

bool is_heading(const std::string& field) {
  constexpr std::array<std::string_view, 9> kHeadings = {
      "imageid", "image_id", "image", "file", "filename", "file_name", "path", "name", "id"};
  std::string lower = field;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kHeadings.begin(), kHeadings.end(), lower) != kHeadings.end();
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

[[noreturn]] void refuse_line(const std::string& path, int64_t line, const std::string& what) {
  throw core::UsageError(path + ", line " + std::to_string(line) + ": " + what,
                         "lines are: name, a tab, label; or labels alone in the images' order");
}

}  // namespace

std::vector<std::string> read_lines(const std::string& path) {
  const auto files = core::make_posix_file_system();
  if (!files->exists(path)) throw core::UsageError(path + " does not exist", "check the path");
  const std::string content = files->read(path);
  std::string_view rest = content;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);  // a mark of UTF-8
  std::vector<std::string> lines;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(trimmed(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty()) throw core::UsageError(path + " is empty", "check the path");
  return lines;
}

LabelFile read_label_file(const std::string& path) {
  LabelFile file{.path = path, .names = {}, .labels = {}, .lines = {}};
  const std::vector<std::string> lines = read_lines(path);
  const char separator = separator_of(lines.front());
  bool is_prediction = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const auto line = static_cast<int64_t>(i + 1);
    const std::vector<std::string> fields = Fields(lines[i], separator).all;
    if (i == 0 && fields.size() == 2 && is_heading(fields[0])) {
      is_prediction = fields[1] == "PredictionString";
      continue;
    }
    if (fields.size() > 2) {
      refuse_line(path, line, "it has " + std::to_string(fields.size()) + " fields, not two");
    }
    const std::string_view label = is_prediction ? first_word(fields.back()) : fields.back();
    if (label.empty()) refuse_line(path, line, "it has no label");
    if (fields.size() == 2) file.names.add(fields[0]);
    file.labels.add(label);
    file.lines.push_back(line);
    if (file.names.size() != 0 && file.names.size() != file.labels.size()) {
      refuse_line(path, line, "it differs from those before: one has a name, the other has not");
    }
  }
  return file;
}

namespace {

std::string_view without_end(std::string_view name) {
  const size_t dot = name.rfind('.');
  return kind_of_file("x" + std::string(name.substr(std::min(dot, name.size())))).empty()
             ? name.substr(0, dot)
             : name;
}

// The line of an image; -1: it has none.
class LinesByName {
 public:
  explicit LinesByName(const NameList& names) {
    for (size_t i = 0; i < names.size(); ++i) {
      std::string_view name = names[i];
      if (name.starts_with("./")) name.remove_prefix(2);
      lines_[name] = static_cast<int64_t>(i);
    }
  }
  int64_t find(std::string_view image) const {
    const std::string_view last = image.substr(image.rfind('/') + 1);
    for (const std::string_view key : {image, without_end(image), last, without_end(last)}) {
      if (const auto found = lines_.find(key); found != lines_.end()) return found->second;
    }
    return -1;
  }
  size_t size() const { return lines_.size(); }

 private:
  std::unordered_map<std::string_view, int64_t> lines_;
};

}  // namespace

NameList labels_of(const NameList& images, const LabelFile& file, LeftOut& left_out) {
  if (file.names.size() == 0) {
    if (file.labels.size() == images.size()) return file.labels;
    throw core::UsageError(
        file.path + " has " + core::with_separators(static_cast<int64_t>(file.labels.size())) +
            " labels, and there are " + core::with_separators(static_cast<int64_t>(images.size())) +
            " images",
        "labels alone, one a line, must be those of all images in the order of "
        "their names");
  }
  const LinesByName lines(file.names);
  if (lines.size() < file.names.size()) {
    throw core::UsageError(file.path + " names an image more than once", "keep one line of each");
  }
  NameList labels;
  std::vector<int64_t> image_of_line(file.names.size(), -1);
  int64_t missing = 0;
  std::string first_missing;
  for (size_t i = 0; i < images.size(); ++i) {
    const int64_t line = lines.find(images[i]);
    if (line < 0) {
      if (missing++ == 0) first_missing = std::string(images[i]);
      continue;
    }
    int64_t& owner = image_of_line[static_cast<size_t>(line)];
    if (owner >= 0) {
      refuse_line(file.path, file.lines[static_cast<size_t>(line)],
                  "it means both " + std::string(images[static_cast<size_t>(owner)]) + " and " +
                      std::string(images[i]));
    }
    owner = static_cast<int64_t>(i);
    labels.add(file.labels[static_cast<size_t>(line)]);
  }
  if (missing > 0) {
    throw core::UsageError(file.path + " has no label for " + core::with_separators(missing) +
                               " of " + core::with_separators(static_cast<int64_t>(images.size())) +
                               " images; the first: " + first_missing,
                           "add them to the file, or take the images away");
  }
  const size_t unused = file.names.size() - images.size();
  if (unused > 0) left_out["label without image"] += static_cast<int64_t>(unused);
  return labels;
}

}  // namespace bbg::data_prep
