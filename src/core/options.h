#pragma once
// One table of all options: each is declared once, by the struct that owns it, with default, help,
// unit and bounds. From the table come the INI file, the command line (`--section.key value`, which
// wins over the file), --help, the effective configuration of a run and docs/options.md.
// Single-threaded; fields must outlive the table.
//
// An INI file may begin, before its first section, with `include = base.ini`: that file is read
// first, and the keys of the including one win. Several names are separated by commas or stand on
// lines of their own; later ones win. A path is relative to the file that it stands in.
//
// `#` at the start of a line or after a blank opens a comment. Quotes, "..." or '...', around a
// whole value are taken off; a quote of that kind inside is written twice. In a path ~ at its head
// and $NAME or ${NAME} anywhere stand for the environment's values, and $$ for a $.
//
//   void Options::declare(core::OptionTable& table) {
//     table.add("train.lr-g", &lr_g, "Learning rate of the generator").above(0);
//     table.add("model.prior", &prior, kPriors, "Law of z");  // an enumeration: core/words.h
//   }

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "core/words.h"

namespace bbg::core {

class OptionTable {
 public:
  struct Option {
    std::string key, type, default_text, help, unit_text;
    std::vector<std::string> choices;
    std::optional<double> minimum, maximum;  // inclusive unless exclusive_minimum
    bool exclusive_minimum = false;
    bool is_path = false, needs_text = false;
    std::function<bool(const std::string&)> parse;  // false: not of this type
    std::function<std::string()> print;
    std::function<std::optional<double>()> number;  // none for text and bool

    Option& unit(const std::string& text);
    Option& at_least(double bound);
    Option& at_most(double bound);
    Option& above(double bound);
    Option& one_of(std::vector<std::string> values);
    Option& path();       // a file or folder: the environment's values are put in
    Option& not_empty();  // nor of blanks alone
    std::string bounds_text() const;
  };

  Option& add(const std::string& key, int64_t* field, const std::string& help);
  Option& add(const std::string& key, double* field, const std::string& help);
  Option& add(const std::string& key, bool* field, const std::string& help);
  Option& add(const std::string& key, std::string* field, const std::string& help);
  // An enumeration. Words, values and the default among them are checked: a mistake is a bug.
  template <class Enum>
  requires std::is_enum_v<Enum> Option& add(const std::string& key, Enum* field,
                                            std::type_identity_t<Words<Enum>> words,
                                            const std::string& help) {
    std::vector<std::string> texts;
    std::vector<Enum> values;
    for (const Word<Enum>& word : words) {
      BBG_CHECK(std::find(values.begin(), values.end(), word.value) == values.end(),
                key + " has two words for one value");
      texts.push_back(word.text);
      values.push_back(word.value);
    }
    return add_choice(
        key, std::move(texts), [field, values](size_t index) { *field = values[index]; },
        [field, values] {
          return static_cast<size_t>(std::find(values.begin(), values.end(), *field) -
                                     values.begin());
        },
        help);
  }
  template <class Enum>
  requires std::is_enum_v<Enum> Option& add(const std::string& key, Enum* field,
                                            std::initializer_list<Word<Enum>> words,
                                            const std::string& help) {
    return add(key, field, Words<Enum>(words.begin(), words.size()), help);
  }

  // Reads `--config FILE`, if given, with what it includes, and then `--section.key value` or
  // `--section.key=value`. Throws one UsageError that lists every problem with the file and line it
  // stands in: unknown keys with the nearest known one, values of the wrong type or out of bounds
  // (also where another value wins), keys twice in one file, includes that are missing, go round
  // or make a chain of more than 16 files, files that are not text in UTF-8. `arguments` is without
  // the program's name.
  void parse(const std::vector<std::string>& arguments);
  // As parse, for the text of an INI file alone; `origin` names it in messages. No includes.
  void parse_ini(const std::string& text, const std::string& origin);

  std::string help_text() const;  // grouped by section, for a terminal
  // The effective configuration, without includes; parse_ini reads it back to equal values.
  std::string ini_text() const;
  std::string markdown_text() const;  // docs/options.md
  // key -> effective value as text
  std::map<std::string, std::string> values() const;
  const std::vector<std::unique_ptr<Option>>& options() const { return options_; }
  const std::string& config_path() const { return config_path_; }

 private:
  Option& insert(Option option);
  // One of `words`; `set` and `get` pass its index on, which is words.size() for a value without.
  Option& add_choice(const std::string& key, std::vector<std::string> words,
                     std::function<void(size_t)> set, std::function<size_t()> get,
                     const std::string& help);
  void assign(const std::string& key, const std::string& value, const std::string& origin,
              std::vector<std::string>& problems);
  // `includer`: file and line of the include; empty for the file of --config. `chain`: the files
  // from the one of --config to the one that includes this one.
  void read_file(const std::string& path, const std::string& includer,
                 std::vector<std::string> chain, std::vector<std::string>& problems);
  // `chain` ends with this file; it is empty for text that is no file.
  void read_ini(const std::string& text, const std::string& origin,
                const std::vector<std::string>& chain, std::vector<std::string>& problems);
  std::string nearest_key(const std::string& key) const;

  std::vector<std::unique_ptr<Option>> options_;  // in order of declaration
  std::map<std::string, Option*> by_key_;
  std::string config_path_;
};

}  // namespace bbg::core
