#include "command/call.h"

#include <algorithm>
#include <set>

#include "core/text.h"

namespace bbg::command {

namespace {

using Words = std::vector<std::string>;

bool is_help(const std::string& word) { return word == "--help" || word == "-h"; }

core::UsageError unknown_command(const Program& program, const std::string& word) {
  Words names;
  for (const Command& command : program.commands) names.push_back(command.name);
  const std::string nearest = core::nearest_word(word, names);
  return core::UsageError("unknown command '" + word + "'" +
                              (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"),
                          program.name + " --help lists the commands");
}

// Reads the words behind a command's name.
class Reader {
 public:
  Reader(Command& command, const Words& words, Words& run_words)
      : command_(command), words_(words), run_words_(run_words) {}

  // All that is wrong.
  Words read() {
    while (at_ < words_.size()) take_word();
    for (const Option& option : command_.options.all()) {
      if (!option.is_required || given_.count(&option) > 0) continue;
      problems_.push_back(option.missing_text.empty() ? option.shown() + " is missing"
                                                      : option.missing_text);
    }
    return problems_;
  }

 private:
  void take_word() {
    const std::string& word = words_[at_++];
    const bool is_option = word.starts_with("-");
    const size_t equals = is_option ? word.find('=') : std::string::npos;
    const std::string name = is_option ? word.substr(0, equals) : "";
    Option* option = command_.options.find(name);
    if (option == nullptr || (!is_option && given_.count(option) > 0 && !option->is_many)) {
      take_foreign(word, name, equals != std::string::npos);
    } else if (!is_option) {
      take(*option, word);
    } else if (equals == std::string::npos) {
      take_value_behind(*option);
    } else if (option->value.empty()) {
      problems_.push_back(name + " takes no value");
    } else {
      take(*option, word.substr(equals + 1));
    }
  }

  void take_value_behind(Option& option) {
    if (option.value.empty()) {
      take(option, "");
    } else if (at_ == words_.size() || words_[at_].starts_with("--")) {
      problems_.push_back(option.name + " needs a value: " + option.shown());
      given_.insert(&option);
    } else {
      take(option, words_[at_++]);
    }
  }

  // A word that is none of the command's own options: one of the run's, or a mistake.
  void take_foreign(const std::string& word, const std::string& name, bool has_value) {
    const std::string nearest = command_.options.nearest(name);
    const bool is_of_run =
        command_.reads_run && (name.empty() || name == "--config" ||
                               name.find('.') != std::string::npos || nearest.empty());
    if (is_of_run) {
      run_words_.push_back(word);
    } else if (name.empty()) {
      problems_.push_back("unexpected argument '" + word + "'");
    } else {
      problems_.push_back("unknown option " + name +
                          (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
    // The word behind it is its value, or most likely so.
    if (name.empty() || has_value || at_ == words_.size()) return;
    const std::string& next = words_[at_];
    const bool is_value = is_of_run
                              ? command_.options.find(next.substr(0, next.find('='))) == nullptr
                              : !next.starts_with("-");
    if (!is_value) return;
    if (is_of_run) run_words_.push_back(next);
    ++at_;
  }

  void take(Option& option, const std::string& value) {
    given_.insert(&option);
    const std::string problem = option.take(value);
    if (!problem.empty()) problems_.push_back(problem);
  }

  Command& command_;
  const Words& words_;
  Words& run_words_;
  Words problems_;
  std::set<const Option*> given_;
  size_t at_ = 0;
};

}  // namespace

Call read_call(Program& program, const Words& arguments) {
  Call call;
  Words words = arguments;
  if (!words.empty() && (is_help(words[0]) || words[0] == "help")) {
    call.wants_help = true;
    words.erase(words.begin());
    if (words.empty()) return call;
  }
  std::string name = program.default_command;
  if (!words.empty() && (words[0] == "--version" || !words[0].starts_with("-") || name.empty())) {
    name = words[0] == "--version" ? "version" : words[0];
    words.erase(words.begin());
  } else if (std::any_of(words.begin(), words.end(), is_help)) {
    call.wants_help = true;
    return call;
  }
  call.command = program.find(name);
  if (call.command == nullptr) {
    call.problem = unknown_command(program, name);
    return call;
  }
  call.wants_help |= std::any_of(words.begin(), words.end(), is_help);
  if (call.wants_help) return call;
  const Words problems = Reader(*call.command, words, call.run_words).read();
  if (!problems.empty()) {
    call.problem = core::UsageError(core::join(problems, "; "),
                                    program.name + " " + name + " --help shows the options");
  }
  return call;
}

}  // namespace bbg::command
