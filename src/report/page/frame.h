#pragma once
// The frame around the parts of a page: head, policy, styles, and at the end the scripts.

#include <string>

namespace bbg::report {

// Up to the page's first heading, which is `title`; `summary` stands below it. Both as plain text.
std::string page_head(const std::string& title, const std::string& summary);

// The end of a page, behind its last part. `data` is the JSON of the charts (chart_data of
// charts.h); without charts the page carries no library to draw them.
std::string page_end(const std::string& data);

}  // namespace bbg::report
