#pragma once
// The options of one command, `--count 64` or `--count=64`. Each is declared once, with the field
// that holds its default and takes its value; help, man page and completion are made from them.
// Fields must outlive the options. Single-threaded.
//
//   options.add("--count", "N", &count, "number of images").between(1, 1000);

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bbg::command {

struct Option {
  std::string name = {};   // "--count"; empty: the argument, which has no name
  std::string value = {};  // name of the value, "FILE"; empty: a flag, which has none
  std::string help = {}, default_text = {};
  std::vector<std::string> choices = {};
  std::optional<int64_t> minimum = {}, maximum = {};
  bool is_file = false, is_path = false, is_required = false, needs_text = false;
  bool is_many = false;           // an argument that may stand several times
  std::string type = {};          // "must be a whole number": what a value of another kind is told
  std::string missing_text = {};  // said where a required option is missing; empty: its name
  std::function<bool(const std::string&)> set = {};     // false: not of this type
  std::function<std::optional<int64_t>()> number = {};  // none for text

  // Without it, or with an empty value, the command is refused.
  Option& required(const std::string& problem = "");
  Option& not_empty();
  Option& one_of(std::vector<std::string> words);
  Option& between(int64_t least, int64_t most);
  Option& file();  // completion offers files and folders
  Option& path();  // the same, and the environment's values are put in
  // Says in help what holds without the option, where the field's value does not.
  Option& default_is(const std::string& text);

  // Sets the field; gives what is wrong with `text`, or nothing.
  std::string take(const std::string& text);
  std::string shown() const;      // "--count N", "DIR"
  std::string help_text() const;  // with the default
};

class Options {
 public:
  Option& add(const std::string& name, const std::string& value, std::string* field,
              const std::string& help);
  Option& add(const std::string& name, const std::string& value, int64_t* field,
              const std::string& help);
  Option& add(const std::string& name, const std::string& value, double* field,
              const std::string& help);
  Option& add(const std::string& name, bool* field, const std::string& help);  // true or false
  Option& add_flag(const std::string& name, bool* field, const std::string& help);
  // The one argument without a name; required.
  Option& add_argument(const std::string& value, std::string* field, const std::string& help);

  // The same, once or several times: each is put behind those before.
  Option& add_arguments(const std::string& value, std::vector<std::string>* field,
                        const std::string& help);

  const std::deque<Option>& all() const { return all_; }
  Option* find(const std::string& name);
  // The name that `name` is likely a misspelling of; empty where none is near.
  std::string nearest(const std::string& name) const;

 private:
  Option& insert(Option option);

  std::deque<Option> all_;
};

}  // namespace bbg::command
