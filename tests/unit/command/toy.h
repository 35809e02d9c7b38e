#pragma once
// A command as an exercise: one function, and one line in a table.

#include <memory>
#include <string>

#include "command/command.h"

namespace bbg::test {

struct Toy {
  std::string animal, colour = "grey", output;
  int64_t count = 2;
  bool wild = true, quiet = false;
  int runs = 0;
};

// `toy` must outlive the command.
inline command::Command toy_command(Toy& toy) {
  command::Command command{.name = "draw",
                           .summary = "draws an animal",
                           .details = "Draws an animal. It - the 'animal' - may be wild.",
                           .examples = "  zoo draw otter --output '\\otter.png'"};
  command.options.add_argument("ANIMAL", &toy.animal, "which one");
  command.options.add("--output", "FILE", &toy.output, "the picture").required().path();
  command.options.add("--colour", "", &toy.colour, "of its fur").one_of({"grey", "brown"});
  command.options.add("--count", "N", &toy.count, "how many").between(1, 9);
  command.options.add("--wild", &toy.wild, "not of a farm");
  command.options.add_flag("--quiet", &toy.quiet, "says nothing");
  command.run = [&toy] { ++toy.runs; };
  return command;
}

}  // namespace bbg::test
