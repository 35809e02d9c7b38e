#pragma once
// Help for a terminal.

#include <string>

#include "command/call.h"

namespace bbg::command {

// The words to type: "bbg_dist sample --config FILE --output FILE.png [--count N] [--json]".
std::string synopsis(const Program& program, const Command& command);

// The details of a command, or its summary, as sentences.
std::string description(const Command& command);

// Options that every command that reads a run takes besides its own: word and meaning.
inline constexpr const char* kRunOptions[][2] = {
    {"--config FILE", "the configuration of the run"},
    {"--section.key VALUE", "any option of the run; it wins over the file"}};

// All commands, what they have in common, and the options of a run.
std::string program_help(const Program& program);
// One command and its options.
std::string command_help(const Program& program, const Command& command);

// The one that `call` asks for.
std::string help_of(const Program& program, const Call& call);

}  // namespace bbg::command
