#include "command/help.h"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "core/text.h"

namespace bbg::command {

namespace {

constexpr size_t kWidth = 100;
constexpr size_t kWidestName = 34;  // help of longer options begins on a line of its own

// Paragraphs, each wrapped.
std::string wrapped(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out += core::wrap(line, 0, kWidth) + "\n";
  return out;
}

std::string row(const std::string& name, const std::string& help, size_t column) {
  std::string line = "  " + name;
  if (line.size() + 2 <= column) {
    line.resize(column, ' ');
  } else {
    line += "\n" + std::string(column, ' ');
  }
  return line + core::wrap(help, column, kWidth) + "\n";
}

// "Usage: " or "  " and a synopsis, whose further lines stand under its first option.
std::string typed(const std::string& start, const std::string& text) {
  return start + core::wrap(text, start.size(), kWidth) + "\n";
}

}  // namespace

std::string synopsis(const Program& program, const Command& command) {
  const bool is_default = command.name == program.default_command;
  std::string text = program.name + (is_default ? " [" + command.name + "]" : " " + command.name);
  if (command.reads_run) text += " --config FILE";
  for (const Option& option : command.options.all()) {
    text += option.is_required ? " " + option.shown() : " [" + option.shown() + "]";
  }
  return text + (command.reads_run ? " [--section.key VALUE]..." : "");
}

std::string description(const Command& command) {
  if (!command.details.empty()) return command.details;
  std::string text = command.summary + ".";
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string command_help(const Program& program, const Command& command) {
  std::string text = typed("Usage: ", synopsis(program, command));
  text += "\n" + wrapped(description(command));
  std::vector<std::pair<std::string, std::string>> rows;
  if (command.reads_run) rows.emplace_back(kRunOptions[0][0], kRunOptions[0][1]);
  for (const Option& option : command.options.all()) {
    rows.emplace_back(option.shown(), option.help_text());
  }
  if (command.reads_run) {
    rows.emplace_back(kRunOptions[1][0],
                      std::string(kRunOptions[1][1]) + ": " + program.name + " options lists them");
  }
  size_t widest = 0;
  for (const auto& [name, help] : rows) {
    if (name.size() <= kWidestName) widest = std::max(widest, name.size());
  }
  if (!rows.empty()) text += "\n";
  for (const auto& [name, help] : rows) text += row(name, help, widest + 4);
  if (!command.examples.empty()) text += "\nExamples:\n" + command.examples + "\n";
  return text;
}

std::string program_help(const Program& program) {
  std::string text = wrapped(program.name + " " + program.summary + ".") + "\n";
  for (const Command& command : program.commands) {
    text += typed("  ", synopsis(program, command));
    text += std::string(6, ' ') + core::wrap(command.summary, 6, kWidth) + "\n";
  }
  text += typed("  ", program.name + " help [COMMAND], " + program.name + " COMMAND --help");
  text += std::string(6, ' ') + "explains a command and its options\n";
  if (!program.details.empty()) text += "\n" + wrapped(program.details);
  std::string codes;
  for (const auto& [code, meaning] : program.exit_codes) {
    codes += (codes.empty() ? "Exit codes: " : "; ") + std::to_string(code) + " " + meaning;
  }
  if (!codes.empty()) text += "\n" + wrapped(codes + ".");
  return text + (program.run_options == nullptr ? "" : program.run_options->help_text());
}

std::string help_of(const Program& program, const Call& call) {
  return call.command == nullptr ? program_help(program) : command_help(program, *call.command);
}

}  // namespace bbg::command
