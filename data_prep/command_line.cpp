#include "data_prep/command_line.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/options.h"

namespace bbg::data_prep {

namespace {

std::string join(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string default_text(const std::string& value) {
  return value.empty() ? "" : " (default: " + value + ")";
}

}  // namespace

CommandLine::CommandLine(std::string name, std::string summary, std::string examples)
    : name_(std::move(name)), summary_(std::move(summary)), examples_(std::move(examples)) {}

void CommandLine::add_flag(const std::string& option, bool* field, const std::string& help) {
  options_.push_back(
      {.name = option, .placeholder = {}, .help = help, .assign = [field](const std::string&) {
         *field = true;
         return std::string();
       }});
}

void CommandLine::add_text(const std::string& option, const std::string& placeholder,
                           std::string* field, const std::string& help, bool is_required) {
  options_.push_back({.name = option,
                      .placeholder = placeholder,
                      .help = help + default_text(*field),
                      .is_required = is_required,
                      .assign = [field](const std::string& value) {
                        *field = value;
                        return std::string(value.empty() ? "is empty" : "");
                      }});
}

void CommandLine::add_choice(const std::string& option, std::vector<std::string> choices,
                             std::string* field, const std::string& help) {
  const std::string names = join(choices, "|");
  options_.push_back({.name = option,
                      .placeholder = names,
                      .help = help + default_text(*field),
                      .assign = [field, choices = std::move(choices)](const std::string& value) {
                        *field = value;
                        const bool is_known =
                            std::find(choices.begin(), choices.end(), value) != choices.end();
                        return is_known ? "" : "must be one of " + join(choices, ", ");
                      }});
}

void CommandLine::add_number(const std::string& option, const std::string& placeholder,
                             int64_t* field, int64_t minimum, int64_t maximum,
                             const std::string& help, bool is_required) {
  const std::string shown = is_required || *field == 0 ? "" : std::to_string(*field);
  options_.push_back({.name = option,
                      .placeholder = placeholder,
                      .help = help + default_text(shown),
                      .is_required = is_required,
                      .assign = [field, minimum, maximum](const std::string& value) {
                        const char* end = value.data() + value.size();
                        const auto [stop, error] = std::from_chars(value.data(), end, *field);
                        const bool is_good = error == std::errc() && stop == end &&
                                             *field >= minimum && *field <= maximum;
                        return is_good ? ""
                                       : "must be a whole number from " + std::to_string(minimum) +
                                             " to " + std::to_string(maximum);
                      }});
}

void CommandLine::add_argument(const std::string& placeholder, std::string* field,
                               const std::string& help) {
  add_text("", placeholder, field, help, true);
}

CommandLine::Option* CommandLine::find(const std::string& name) {
  const auto at = std::find_if(options_.begin(), options_.end(),
                               [&](const Option& option) { return option.name == name; });
  return at == options_.end() ? nullptr : &*at;
}

std::string CommandLine::unknown_text(const std::string& name) const {
  const auto nearest =
      std::min_element(options_.begin(), options_.end(), [&](const Option& a, const Option& b) {
        return core::edit_distance(name, a.name) < core::edit_distance(name, b.name);
      });
  const bool is_near = nearest != options_.end() && core::edit_distance(name, nearest->name) <= 3;
  return "unknown option " + name + (is_near ? "; did you mean " + nearest->name + "?" : "");
}

void CommandLine::parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> problems;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const bool is_option = word.starts_with("-");
    const size_t equals = is_option ? word.find('=') : std::string::npos;
    const std::string name = is_option ? word.substr(0, equals) : "";
    Option* option = find(name);
    if (option == nullptr || (!is_option && option->is_given)) {
      problems.push_back(is_option ? unknown_text(name) : "unexpected argument '" + word + "'");
      // What follows an unknown option is most likely its value.
      const bool has_value = i + 1 < arguments.size() && !arguments[i + 1].starts_with("-");
      if (is_option && equals == std::string::npos && has_value) ++i;
      continue;
    }
    std::string value = word;
    if (option->placeholder.empty()) {
      if (equals != std::string::npos) problems.push_back(name + " takes no value");
    } else if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (is_option) {
      if (i + 1 == arguments.size() || arguments[i + 1].starts_with("--")) {
        problems.push_back(name + " needs a value: " + name + " " + option->placeholder);
        continue;
      }
      value = arguments[++i];
    }
    option->is_given = true;
    const std::string problem = option->assign(value);
    const std::string shown = name.empty() ? option->placeholder : name;
    if (!problem.empty()) problems.push_back(shown + " = '" + value + "' " + problem);
  }
  for (const Option& option : options_) {
    if (!option.is_required || option.is_given) continue;
    problems.push_back(option.name + (option.name.empty() ? "" : " ") + option.placeholder +
                       " is missing");
  }
  if (!problems.empty()) {
    throw core::UsageError(join(problems, "; "),
                           "data_prep " + name_ + " --help shows the options");
  }
}

std::string CommandLine::help_text() const {
  std::string text = "Usage: data_prep " + name_;
  size_t width = 0;
  for (const Option& option : options_) {
    const std::string shown = option.name +
                              (option.name.empty() || option.placeholder.empty() ? "" : " ") +
                              option.placeholder;
    width = std::max(width, shown.size());
    if (option.is_required) text += " " + shown;
  }
  text += " [OPTIONS]\n\n" + summary_ + "\n\n";
  for (const Option& option : options_) {
    std::string line = "  " + option.name +
                       (option.name.empty() || option.placeholder.empty() ? "" : " ") +
                       option.placeholder;
    line.resize(width + 4, ' ');
    for (const char c : option.help) {
      line += c;
      if (c == '\n') line.append(width + 4, ' ');
    }
    text += line + "\n";
  }
  return examples_.empty() ? text : text + "\n" + examples_ + "\n";
}

}  // namespace bbg::data_prep
