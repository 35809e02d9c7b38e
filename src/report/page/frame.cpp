#include "report/page/frame.h"

#include "report/page/assets.h"
#include "report/page/text.h"
#include "report/svg_chart.h"

namespace bbg::report {

std::string page_head(const std::string& title, const std::string& summary) {
  const std::string name = escape_html(title);
  std::string html;
  // The policy makes the promise checkable: a browser refuses to load anything for this page.
  html +=
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>" +
      name + "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>";
  html += page_style();
  html += "</style>\n</head>\n<body>\n<main>\n<h1>" + name + "</h1>\n<p>" + escape_html(summary) +
          "</p>\n";
  return html;
}

std::string page_end(const std::string& data) {
  std::string html = "<footer>Written by bbg_dist.";
  if (!data.empty()) {
    html += " Charts by dygraphs.<details><summary>Licence of dygraphs</summary><pre>" +
            escape_html(std::string(chart_licence())) + "</pre></details>";
  }
  html += "</footer>\n</main>\n";
  if (!data.empty()) {
    html += "<script type=\"application/json\" id=\"charts\">" + json_for_script(data) +
            "</script>\n<style>";
    html += chart_style();
    html += "</style>\n<script>";
    html += chart_script();
    html += "</script>\n";
  }
  html += "<script>";
  html += page_script();
  return html + "</script>\n</body>\n</html>\n";
}

}  // namespace bbg::report
