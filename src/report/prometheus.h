#pragma once
// metrics.prom: the last value of everything that a run reports, in Prometheus' text format, for
// the textfile collector of node_exporter. Replaced whole at each report, without waiting for the
// disk: the next report writes it anew.

#include <map>
#include <memory>
#include <string>

#include "core/file_system.h"
#include "report/sink.h"

namespace bbg::report {

// Tells this run's values from another's: run="..." and folder="...".
struct PrometheusLabels {
  std::string run, folder;
};

// `files` must outlive it.
std::unique_ptr<Sink> make_prometheus_sink(core::FileSystem& files, const std::string& path,
                                           const PrometheusLabels& labels);

// The name of a field's metric: bbg_ and what the format allows of the field. Beside those of
// metrics.jsonl there are bbg_total_steps and, of evaluation.json, bbg_evaluation_<group>_<name>.
std::string prometheus_name(const std::string& field);

// The file's content. Fields sigma.<weight> become one metric with a label of that name.
std::string prometheus_text(const std::map<std::string, double>& values,
                            const PrometheusLabels& labels);

}  // namespace bbg::report
