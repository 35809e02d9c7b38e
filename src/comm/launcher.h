#pragma once
// Finds who started this process, by the variables that launchers set. MPI alone does not tell a
// run of one rank from one of many that were started without a way to find one another, and inside
// a Slurm step Open MPI takes even one rank for such a one. Single-threaded, before MPI starts.

#include <cstdlib>
#include <functional>
#include <string>

#include "core/error.h"

namespace bbg::comm {

struct Launcher {
  std::string name;           // as users type it; empty: none
  int ranks = 1;              // how many processes it started
  bool has_server = true;     // a process finds the others through it (PMIx, PMI, Open MPI)
  std::string note;           // to print before MPI starts, which may end the process; empty: none
  bool is_lone_step = false;  // the only process of a Slurm step

  // UsageErrors with the line to type where `ranks` processes cannot find one another, or where MPI
  // has started and knows of `size` alone.
  void check_server() const;
  void check_size(int size) const;
  // The line to type instead.
  std::string advice() const;

 private:
  core::UsageError apart(const std::string& problem) const;
};

// The value of an environment variable, or nullptr.
using Environment = std::function<const char*(const char*)>;
Launcher find_launcher(const Environment& environment = ::getenv);

// Takes from the environment what makes MPI ask Slurm, so that it starts with one rank on its own.
void hide_lone_step();

// UsageError where MPI's temporary files find no room: it would wait for ever, or die without a
// reason.
void check_temporary_folder(const Launcher& launcher);

}  // namespace bbg::comm
