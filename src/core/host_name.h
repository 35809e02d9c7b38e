#pragma once
// The name of this host, for messages and for comparing hosts.

#include <string>

namespace bbg::core {

std::string host_name();  // "unknown" where the system does not tell

}  // namespace bbg::core
