#pragma once
// The texts that every report carries: its style sheet and script, and dygraphs, the library that
// draws its charts, with its licence. The build puts them into the program.

#include <string_view>

namespace bbg::report {

std::string_view page_style();
std::string_view page_script();
std::string_view chart_style();
std::string_view chart_script();
std::string_view chart_licence();

}  // namespace bbg::report
