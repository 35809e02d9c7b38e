#pragma once
// The style sheet of report.html, for light and dark screens and for paper.

namespace bbg::report {

inline constexpr const char* kReportStyle = R"css(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1a1d23; --soft: #626a76;
  --line: #dfe3e8; --accent: #2563eb; --bar: #b8c2d0;
  --c0: #2563eb; --c1: #e8590c; --c2: #0d9467; --c3: #9333ea; --c4: #b58900; --c5: #d6336c; }
@media (prefers-color-scheme: dark) { :root { --page: #14161a; --card: #1d2026; --ink: #e8eaed;
  --soft: #9aa3b0; --line: #31363f; --accent: #6ea0ff; --bar: #4a5362;
  --c0: #6ea0ff; --c1: #ff9d5c; --c2: #3fcf9c; --c3: #c08bff; --c4: #e3be4f; --c5: #ff7ba5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -.02em;
  overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 44px 0 4px; letter-spacing: -.01em; }
p { margin: 0; color: var(--soft); max-width: 76ch; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 16px;
  margin-top: 24px; }
.card, .chart, details { background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; padding: 18px 20px; margin: 0; }
.card h3 { margin: 0; font-size: 14px; font-weight: 600; color: var(--soft); }
.card .big { font-size: 34px; font-weight: 650; line-height: 1.25; letter-spacing: -.02em; }
.card .big small { font-size: 18px; font-weight: 500; color: var(--soft); }
.card p { font-size: 13px; }
.rows { display: grid; grid-template-columns: auto 1fr auto; gap: 5px 10px; align-items: center;
  font-size: 13px; margin: 8px 0 6px; font-variant-numeric: tabular-nums; }
.rows i { display: block; height: 8px; border-radius: 4px; background: var(--bar); }
.rows i.own { background: var(--accent); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr));
  gap: 24px; align-items: start; }
.picture { margin: 14px 0 0; }
.picture img { display: block; width: 100%; image-rendering: pixelated; border-radius: 8px;
  border: 1px solid var(--line); }
.strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 14px;
  margin-top: 14px; }
.strip .picture { margin: 0; }
.strip figcaption { font-size: 13px; color: var(--soft); margin-bottom: 4px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr));
  gap: 16px; margin-top: 14px; }
.chart figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; justify-content: space-between;
  margin-bottom: 8px; }
.chart svg { display: block; width: 100%; height: auto; }
.chart text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.chart .grid { stroke: var(--line); fill: none; }
.chart .axis { stroke: var(--soft); fill: none; }
.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px;
  margin-right: 6px; vertical-align: middle; }
.legend small { color: var(--soft); font-variant-numeric: tabular-nums; }
.line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); }
.line.c3 { stroke: var(--c3); } .line.c4 { stroke: var(--c4); } .line.c5 { stroke: var(--c5); }
i.c0 { background: var(--c0); } i.c1 { background: var(--c1); } i.c2 { background: var(--c2); }
i.c3 { background: var(--c3); } i.c4 { background: var(--c4); } i.c5 { background: var(--c5); }
details { margin-top: 16px; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; margin: 12px 0 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 18px; margin: 12px 0 0;
  font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; }
footer { margin-top: 40px; font-size: 13px; color: var(--soft); }
@media print { body { background: #fff; } .card, .chart, details { break-inside: avoid; } }
)css";

}  // namespace bbg::report
