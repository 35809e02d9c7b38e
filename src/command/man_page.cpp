#include <cctype>
#include <sstream>

#include "command/help.h"
#include "command/pages.h"

namespace bbg::command {

namespace {

// `text` as troff shows it unchanged.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool is_at_line_start = out.empty() || out.back() == '\n';
    if (is_at_line_start && (c == '.' || c == '\'')) out += "\\&";
    out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  }
  return out;
}

std::string bold(const std::string& text) { return "\\fB" + escaped(text) + "\\fR"; }

// A heading that begins with `macro`, with the word in quotes.
std::string heading(const std::string& macro, const std::string& text) {
  return macro + " \"" + escaped(text) + "\"\n";
}

std::string paragraphs(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    out += line.empty() ? ".PP\n" : escaped(line) + "\n";
  }
  return out;
}

// An entry of a list: words in bold, their meaning indented below.
std::string entry(const std::string& words, const std::string& meaning) {
  return ".TP\n" + bold(words) + "\n" + escaped(meaning) + "\n";
}

std::string as_typed(const std::string& text) {
  return ".PP\n.nf\n.RS 4\n" + escaped(text) + "\n.RE\n.fi\n";
}

std::string section(const Program& program, const Command& command) {
  std::string text = heading(".SS", program.name + " " + command.name) +
                     paragraphs(description(command)) + ".PP\n" + bold(synopsis(program, command)) +
                     "\n";
  if (command.reads_run) text += entry(kRunOptions[0][0], kRunOptions[0][1]);
  for (const Option& option : command.options.all()) {
    text += entry(option.shown(), option.help_text());
  }
  if (command.reads_run) {
    text += entry(kRunOptions[1][0], std::string(kRunOptions[1][1]) + ": see OPTIONS OF A RUN");
  }
  return command.examples.empty() ? text : text + as_typed(command.examples);
}

std::string run_options(const core::OptionTable& table) {
  std::string text = ".SH OPTIONS OF A RUN\n", section;
  for (const auto& option : table.options()) {
    const std::string own_section = option->key.substr(0, option->key.find('.'));
    if (own_section != section) text += heading(".SS", "[" + own_section + "]");
    section = own_section;
    const std::string bounds = option->bounds_text();
    text += entry("--" + option->key + " " +
                      (option->default_text.empty() ? "\"\"" : option->default_text) +
                      (option->unit_text.empty() ? "" : " " + option->unit_text),
                  option->help + (bounds.empty() ? "" : " (" + bounds + ")"));
  }
  return text;
}

}  // namespace

std::string man_page(const Program& program) {
  std::string title = program.name;
  for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string text = ".TH " + title + " 1 \"\" \"" + program.name + " " + program.version +
                     "\" \"User Commands\"\n.SH NAME\n" + program.name + " \\- " +
                     escaped(program.summary) + "\n.SH SYNOPSIS\n" + bold(program.name) +
                     " \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n" +
                     paragraphs(program.details) + ".SH COMMANDS\n";
  for (const Command& command : program.commands) text += section(program, command);
  if (program.run_options != nullptr) text += run_options(*program.run_options);
  text += ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : program.exit_codes) {
    text += entry(std::to_string(code), meaning);
  }
  return text;
}

}  // namespace bbg::command
