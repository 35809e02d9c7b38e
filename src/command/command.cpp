#include "command/command.h"

#include <algorithm>

namespace bbg::command {

Command* Program::find(const std::string& command) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const Command& known) { return known.name == command; });
  return found == commands.end() ? nullptr : &*found;
}

}  // namespace bbg::command
