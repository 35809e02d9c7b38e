#include "command/option.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ini.h"
#include "core/options.h"
#include "core/text.h"
#include "core/value_text.h"

namespace bbg::command {

using core::parse_bool;
using core::parse_number;

Option& Option::required(const std::string& problem) {
  is_required = true;
  missing_text = problem;
  default_text.clear();
  return *this;
}
Option& Option::not_empty() {
  needs_text = true;
  return *this;
}
Option& Option::one_of(std::vector<std::string> words) {
  value = core::join(words, "|");
  type = "must be one of " + core::join(words, ", ");
  choices = std::move(words);
  return *this;
}
Option& Option::between(int64_t least, int64_t most) {
  minimum = least;
  maximum = most;
  type = "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  return *this;
}
Option& Option::file() {
  is_file = true;
  return *this;
}
Option& Option::path() {
  is_path = true;
  return file();
}
Option& Option::default_is(const std::string& text) {
  default_text = text;
  return *this;
}

std::string Option::take(const std::string& text) {
  if (text.empty() && is_required && !missing_text.empty()) return missing_text;
  const std::string start = (name.empty() ? value : name) + " = '" + text + "' ";
  if (text.empty() && (is_required || needs_text)) return start + "is empty";
  std::string taken = text;
  if (is_path) {
    const core::Expansion expansion = core::expand_path(text);
    if (!expansion.problem.empty()) return start + expansion.problem;
    taken = expansion.path;
  }
  const bool is_listed =
      choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end();
  if (!is_listed || !set(taken)) return start + type;
  if (number && minimum && (*number() < *minimum || *number() > *maximum)) return start + type;
  return "";
}

std::string Option::shown() const {
  return name + (name.empty() || value.empty() ? "" : " ") + value;
}

std::string Option::help_text() const {
  return help + (default_text.empty() ? "" : " (default: " + default_text + ")");
}

Option& Options::insert(Option option) {
  BBG_CHECK(find(option.name) == nullptr, "option declared twice: " + option.name);
  all_.push_back(std::move(option));
  return all_.back();
}

Option& Options::add(const std::string& name, const std::string& value, std::string* field,
                     const std::string& help) {
  return insert({.name = name,
                 .value = value,
                 .help = help,
                 .default_text = *field,
                 .set = [field](const std::string& text) {
                   *field = text;
                   return true;
                 }});
}

Option& Options::add(const std::string& name, const std::string& value, int64_t* field,
                     const std::string& help) {
  return insert({.name = name,
                 .value = value,
                 .help = help,
                 .default_text = std::to_string(*field),
                 .type = "must be a whole number",
                 .set = [field](const std::string& text) { return parse_number(text, field); },
                 .number = [field] { return std::optional<int64_t>(*field); }});
}

Option& Options::add(const std::string& name, const std::string& value, double* field,
                     const std::string& help) {
  return insert({.name = name,
                 .value = value,
                 .help = help,
                 .default_text = core::print_number(*field),
                 .type = "must be a finite number",
                 .set = [field](const std::string& text) {
                   return parse_number(text, field) && std::isfinite(*field);
                 }});
}

Option& Options::add(const std::string& name, bool* field, const std::string& help) {
  return insert({.name = name,
                 .value = "true|false",
                 .help = help,
                 .default_text = *field ? "true" : "false",
                 .type = "is not of type true | false",
                 .set = [field](const std::string& text) { return parse_bool(text, field); }});
}

Option& Options::add_flag(const std::string& name, bool* field, const std::string& help) {
  return insert(
      {.name = name, .help = help, .set = [field](const std::string&) { return *field = true; }});
}

Option& Options::add_argument(const std::string& value, std::string* field,
                              const std::string& help) {
  return add("", value, field, help).required();
}

Option& Options::add_arguments(const std::string& value, std::vector<std::string>* field,
                               const std::string& help) {
  Option& option = insert({.value = value + "...", .help = help, .is_many = true});
  option.set = [field](const std::string& text) {
    field->push_back(text);
    return true;
  };
  return option.required();
}

Option* Options::find(const std::string& name) {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&](const Option& option) { return option.name == name; });
  return found == all_.end() ? nullptr : &*found;
}

std::string Options::nearest(const std::string& name) const {
  std::vector<std::string> names;
  for (const Option& option : all_) {
    if (!option.name.empty()) names.push_back(option.name);
  }
  return core::nearest_word(name, names);
}

}  // namespace bbg::command
