#pragma once
// The options of one sub-command: each is declared once, with field, default, bounds and help.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bbg::data_prep {

class CommandLine {
 public:
  // `summary`: what the sub-command does. `examples`: shown below the options, may be empty.
  CommandLine(std::string name, std::string summary, std::string examples);

  // The fields hold the defaults and must outlive this.
  void add_flag(const std::string& option, bool* field, const std::string& help);
  void add_text(const std::string& option, const std::string& placeholder, std::string* field,
                const std::string& help, bool is_required = false);
  void add_choice(const std::string& option, std::vector<std::string> choices, std::string* field,
                  const std::string& help);
  void add_number(const std::string& option, const std::string& placeholder, int64_t* field,
                  int64_t minimum, int64_t maximum, const std::string& help,
                  bool is_required = false);
  // The one argument without a name; required.
  void add_argument(const std::string& placeholder, std::string* field, const std::string& help);

  // `--option value` or `--option=value`. One UsageError lists all problems.
  void parse(const std::vector<std::string>& arguments);
  std::string help_text() const;

 private:
  struct Option {
    std::string name;         // "--size"; empty for the argument
    std::string placeholder;  // empty for a flag
    std::string help;
    bool is_required = false;
    bool is_given = false;
    std::function<std::string(const std::string&)> assign;  // returns what is wrong with the value
  };
  Option* find(const std::string& name);
  std::string unknown_text(const std::string& name) const;

  std::string name_, summary_, examples_;
  std::vector<Option> options_;
};

}  // namespace bbg::data_prep
