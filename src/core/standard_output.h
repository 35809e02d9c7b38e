#pragma once
// Results of commands go to standard output, through a buffer: only writing that out shows whether
// they have arrived.

#include <string>

namespace bbg::core {

// For text of any length; the cause of a failure is known only where it happens.
void print(const std::string& text);

// At the end of a command that has printed its result. SystemError if any of it was not written,
// as on a full disk; so does print().
void flush_standard_output();

}  // namespace bbg::core
