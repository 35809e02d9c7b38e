#include "core/options.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "core/error.h"
#include "core/file_system.h"
#include "core/ini.h"
#include "core/text.h"
#include "core/value_text.h"

namespace bbg::core {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxChain = 16;  // files that include one another, from the first to the last

std::string section_of(const std::string& key) { return key.substr(0, key.find('.')); }
std::string name_of(const std::string& key) { return key.substr(key.find('.') + 1); }

[[noreturn]] void throw_problems(const std::vector<std::string>& problems) {
  const std::string head =
      problems.size() == 1 ? "" : std::to_string(problems.size()) + " problems in the options:\n  ";
  throw UsageError(head + join(problems, "\n  "), "`--help` lists every key with its bounds");
}

}  // namespace

OptionTable::Option& OptionTable::Option::unit(const std::string& text) {
  unit_text = text;
  return *this;
}
OptionTable::Option& OptionTable::Option::at_least(double bound) {
  minimum = bound;
  return *this;
}
OptionTable::Option& OptionTable::Option::at_most(double bound) {
  maximum = bound;
  return *this;
}
OptionTable::Option& OptionTable::Option::above(double bound) {
  minimum = bound;
  exclusive_minimum = true;
  return *this;
}
OptionTable::Option& OptionTable::Option::one_of(std::vector<std::string> values) {
  choices = std::move(values);
  return *this;
}
OptionTable::Option& OptionTable::Option::path() {
  is_path = true;
  type = "path";
  return *this;
}
OptionTable::Option& OptionTable::Option::not_empty() {
  needs_text = true;
  return *this;
}

std::string OptionTable::Option::bounds_text() const {
  if (!choices.empty()) return join(choices, " | ");
  if (minimum && maximum) {
    return (exclusive_minimum ? "above " : "") + print_number(*minimum) + " to " +
           print_number(*maximum);
  }
  if (minimum) return (exclusive_minimum ? "above " : "at least ") + print_number(*minimum);
  if (maximum) return "at most " + print_number(*maximum);
  return "";
}

OptionTable::Option& OptionTable::insert(Option option) {
  BBG_CHECK(option.key.find('.') != std::string::npos, "option key without section: " + option.key);
  BBG_CHECK(by_key_.count(option.key) == 0, "option declared twice: " + option.key);
  option.default_text = option.print();
  options_.push_back(std::make_unique<Option>(std::move(option)));
  by_key_[options_.back()->key] = options_.back().get();
  return *options_.back();
}

OptionTable::Option& OptionTable::add(const std::string& key, int64_t* field,
                                      const std::string& help) {
  Option option;
  option.key = key;
  option.type = "integer";
  option.help = help;
  option.parse = [field](const std::string& text) { return parse_number(text, field); };
  option.print = [field] { return std::to_string(*field); };
  option.number = [field] { return std::optional<double>(static_cast<double>(*field)); };
  return insert(std::move(option));
}

OptionTable::Option& OptionTable::add(const std::string& key, double* field,
                                      const std::string& help) {
  Option option;
  option.key = key;
  option.type = "number";
  option.help = help;
  option.parse = [field](const std::string& text) {
    return parse_number(text, field) && std::isfinite(*field);
  };
  option.print = [field] { return print_number(*field); };
  option.number = [field] { return std::optional<double>(*field); };
  return insert(std::move(option));
}

OptionTable::Option& OptionTable::add(const std::string& key, bool* field,
                                      const std::string& help) {
  Option option;
  option.key = key;
  option.type = "true | false";
  option.help = help;
  option.parse = [field](const std::string& text) { return parse_bool(text, field); };
  option.print = [field] { return std::string(*field ? "true" : "false"); };
  option.number = [] { return std::optional<double>(); };
  return insert(std::move(option));
}

OptionTable::Option& OptionTable::add(const std::string& key, std::string* field,
                                      const std::string& help) {
  Option option;
  option.key = key;
  option.type = "text";
  option.help = help;
  option.parse = [field](const std::string& text) {
    *field = text;
    return true;
  };
  option.print = [field] { return *field; };
  option.number = [] { return std::optional<double>(); };
  return insert(std::move(option));
}

OptionTable::Option& OptionTable::add_choice(const std::string& key, std::vector<std::string> words,
                                             std::function<void(size_t)> set,
                                             std::function<size_t()> get, const std::string& help) {
  for (const std::string& word : words) {
    BBG_CHECK(std::count(words.begin(), words.end(), word) == 1,
              key + " has the word '" + word + "' twice");
  }
  Option option;
  option.key = key;
  option.type = "text";
  option.help = help;
  // A word that is not listed is of the right type and out of bounds, as a number may be.
  option.parse = [set = std::move(set), words](const std::string& text) {
    const auto found = std::find(words.begin(), words.end(), text);
    if (found != words.end()) set(static_cast<size_t>(found - words.begin()));
    return true;
  };
  option.print = [get = std::move(get), key, words] {
    const size_t index = get();
    BBG_CHECK(index < words.size(), key + " has a value without a word");
    return words[index];
  };
  option.number = [] { return std::optional<double>(); };
  option.choices = std::move(words);
  return insert(std::move(option));
}

void OptionTable::assign(const std::string& key, const std::string& text, const std::string& origin,
                         std::vector<std::string>& problems) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    const std::string nearest = nearest_key(key);
    problems.push_back(origin + ": unknown key '" + key + "'" +
                       (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
    return;
  }
  Option& option = *found->second;
  const auto refuse = [&](const std::string& reason) {
    problems.push_back(origin + ": " + key + " = '" + text + "' " + reason);
  };
  if (text.find_first_of("\r\n") != std::string::npos) {
    refuse("cannot stand in an INI file: it has a line break");
    return;
  }
  if (option.needs_text && trim(text).empty()) {
    refuse("must not be empty");
    return;
  }
  std::string value = text;
  if (option.is_path) {
    const Expansion expansion = expand_path(text);
    if (!expansion.problem.empty()) {
      refuse(expansion.problem);
      return;
    }
    value = expansion.path;
  }
  if (!option.parse(value)) {
    refuse("is not of type " + option.type);
    return;
  }
  const std::optional<double> number = option.number();
  const bool below =
      number && option.minimum &&
      (option.exclusive_minimum ? *number <= *option.minimum : *number < *option.minimum);
  const bool over = number && option.maximum && *number > *option.maximum;
  const bool unlisted =
      !option.choices.empty() &&
      std::find(option.choices.begin(), option.choices.end(), value) == option.choices.end();
  if (below || over || unlisted) {
    refuse("is out of bounds: " + option.bounds_text());
  }
}

std::string OptionTable::nearest_key(const std::string& key) const {
  std::string best;
  int best_distance = static_cast<int>(key.size());
  for (const auto& option : options_) {
    // A right name in the wrong section is as likely as a typing error.
    const int distance =
        std::min(edit_distance(key, option->key), name_of(key) == name_of(option->key) ? 1 : 1000);
    if (distance < best_distance) {
      best_distance = distance;
      best = option->key;
    }
  }
  return best_distance <= std::max<int>(2, static_cast<int>(key.size()) / 2) ? best : "";
}

void OptionTable::read_file(const std::string& path, const std::string& includer,
                            std::vector<std::string> chain, std::vector<std::string>& problems) {
  const bool goes_round = std::any_of(chain.begin(), chain.end(), [&](const std::string& file) {
    std::error_code absent;
    return fs::equivalent(file, path, absent);
  });
  chain.push_back(path);
  const auto refuse = [&](const std::string& reason) {
    problems.push_back(includer.empty()
                           ? "config file '" + path + "' " + reason
                           : includer + ": include " + reason + ": " + join(chain, " -> "));
  };
  if (goes_round) {
    refuse("goes round");
    return;
  }
  if (chain.size() > kMaxChain) {
    refuse("makes a chain of more than " + std::to_string(kMaxChain) + " files");
    return;
  }
  std::string text;
  try {
    text = make_posix_file_system()->read(path);
  } catch (const SystemError& error) {
    refuse("cannot be read: " + error.details().cause);
    return;
  }
  read_ini(text, path, chain, problems);
}

void OptionTable::read_ini(const std::string& text, const std::string& origin,
                           const std::vector<std::string>& chain,
                           std::vector<std::string>& problems) {
  const Ini ini = split_ini(text, origin, problems);
  const auto at = [&](int line) { return origin + ":" + std::to_string(line); };
  for (const auto& [line, path] : ini.includes) {
    if (chain.empty()) {
      problems.push_back(at(line) + ": include works in files only");
      continue;
    }
    const Expansion expansion = expand_path(path);
    if (!expansion.problem.empty()) {
      problems.push_back(at(line) + ": include = '" + path + "' " + expansion.problem);
      continue;
    }
    read_file((fs::path(origin).parent_path() / expansion.path).string(), at(line), chain,
              problems);
  }
  std::map<std::string, int> seen;  // the lines of keys
  for (const auto& [line, key, value] : ini.values) {
    if (name_of(key) == "include" && by_key_.count(key) == 0) {
      problems.push_back(at(line) + ": include must stand before the first section");
      continue;
    }
    const auto [first, is_new] = seen.emplace(key, line);
    if (!is_new) {
      problems.push_back(at(line) + ": key '" + key + "' is given twice, first in line " +
                         std::to_string(first->second));
    }
    assign(key, value, at(line), problems);
  }
}

void OptionTable::parse_ini(const std::string& text, const std::string& origin) {
  std::vector<std::string> problems;
  read_ini(text, origin, {}, problems);
  if (!problems.empty()) throw_problems(problems);
}

void OptionTable::parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> problems;
  std::vector<std::pair<std::string, std::string>> overrides;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word.rfind("--", 0) != 0) {
      problems.push_back("command line: unexpected word '" + word +
                         "'; options read --section.key value");
      continue;
    }
    const size_t equals = word.find('=');
    const std::string key = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      problems.push_back("command line: --" + key + " lacks its value");
      continue;
    }
    if (key == "config") {
      const Expansion expansion = expand_path(value);
      if (!expansion.problem.empty()) {
        problems.push_back("command line: --config '" + value + "' " + expansion.problem);
      }
      config_path_ = expansion.path;
    } else {
      overrides.emplace_back(key, value);
    }
  }
  if (!config_path_.empty()) read_file(config_path_, "", {}, problems);
  for (const auto& [key, value] : overrides) assign(key, value, "command line", problems);
  if (!problems.empty()) throw_problems(problems);
}

namespace {

constexpr size_t kHelpColumn = 38, kHelpWidth = 110;

}  // namespace

std::string OptionTable::help_text() const {
  std::ostringstream out;
  std::string section;
  for (const auto& option : options_) {
    if (section_of(option->key) != section) {
      section = section_of(option->key);
      out << "\n[" << section << "]\n";
    }
    std::string line = "  --" + option->key + " ";
    line += option->default_text.empty() ? "\"\"" : option->default_text;
    if (!option->unit_text.empty()) line += " " + option->unit_text;
    if (line.size() < kHelpColumn) {
      line.resize(kHelpColumn, ' ');
    } else {
      line += "\n" + std::string(kHelpColumn, ' ');
    }
    const std::string bounds = option->bounds_text();
    out << line
        << wrap(option->help + (bounds.empty() ? "" : " (" + bounds + ")"), kHelpColumn, kHelpWidth)
        << "\n";
  }
  return out.str();
}

std::string OptionTable::ini_text() const {
  std::ostringstream out;
  std::string section;
  for (const auto& option : options_) {
    if (section_of(option->key) != section) {
      out << (section.empty() ? "" : "\n");
      section = section_of(option->key);
      out << "[" << section << "]\n";
    }
    const std::string value = option->print();
    out << name_of(option->key) << " = " << ini_value(option->is_path ? literal_path(value) : value)
        << "\n";
  }
  return out.str();
}

std::string OptionTable::markdown_text() const {
  std::ostringstream out;
  out << "# Options\n\nGenerated by `bbg_dist options --markdown`; a test fails when this page is "
         "stale. In an INI file an option\nis `key = value` under `[section]`; on the command line "
         "`--section.key value`, which wins over the file. Before the\nfirst section "
         "`include = other.ini` (relative to the file) may stand: it is read first, and the "
         "including file's\nkeys win.\n\n`#` at the start of a line or after a blank opens a "
         "comment. Quotes, `\"...\"` or `'...'`, around a whole value are taken\noff: "
         "`name = \"run #1\"`; a quote of that kind inside is written twice. In a path, `~` at its "
         "head and `$NAME` or `${NAME}`\nanywhere stand for the environment's values, and `$$` for "
         "a `$`; `config.ini` of a run has what came out.\n";
  std::string section;
  for (const auto& option : options_) {
    if (section_of(option->key) != section) {
      section = section_of(option->key);
      out << "\n## " << section << "\n\n| key | default | unit | bounds | meaning |\n"
          << "|---|---|---|---|---|\n";
    }
    std::string bounds = option->bounds_text();
    if (bounds.empty()) bounds = option->type;
    size_t at = 0;
    while ((at = bounds.find('|', at)) != std::string::npos) {
      bounds.replace(at, 1, "\\|");
      at += 2;
    }
    out << "| `" << option->key << "` | "
        << (option->default_text.empty() ? "" : "`" + option->default_text + "`") << " | "
        << option->unit_text << " | " << bounds << " | " << option->help << " |\n";
  }
  return out.str();
}

std::map<std::string, std::string> OptionTable::values() const {
  std::map<std::string, std::string> all;
  for (const auto& option : options_) all[option->key] = option->print();
  return all;
}

}  // namespace bbg::core
