#pragma once
// How a report shows a measure: a card of its last values, and the chart of its values over steps.
// Those who know the measures describe them.

#include <string>
#include <vector>

namespace bbg::report {

enum class Unit {
  kShare,     // in [0, 1]: in percent, beside bars of that length
  kRatio,     // beside bars of distances
  kDistance,  // beside bars that are as long as their share of the longest
};

struct Row {
  std::string field;   // in the measure's group of evaluation.json
  std::string label;   // left of the bar
  std::string phrase;  // in the note: what it was measured on; empty: the note says all
};

struct Card {
  std::string key = {};  // group of evaluation.json
  std::string title = {};
  std::string field = {};  // the number that stands large
  Unit unit = Unit::kShare;
  std::vector<Row> rows = {};  // the first is the run's own
  std::string note = {};
};

// A metric of metrics.jsonl; those of one chart share it.
struct Curve {
  std::string name, chart;
  bool is_from_zero = false;
};

struct Measures {
  std::vector<Card> cards;  // in the order of the page
  std::vector<Curve> curves;
};

}  // namespace bbg::report
