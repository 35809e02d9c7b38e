#pragma once
// How numbers were measured: the texts of evaluation.json's protocol, and docs/metrics.md. Both
// come from the same sentences, in which {N} stands for the number of test images and {eval.option}
// for that option, or for as many images as there are.

#include <string>
#include <utility>
#include <vector>

#include "measure/table.h"

namespace bbg::measure {

using Protocol = std::vector<std::pair<std::string, std::string>>;  // entry -> text

// The networks, in every measurement.
Protocol protocol_of_networks(const Setup& setup);
// The measures that share a need.
Protocol protocol_of(Need need, const Measures& measures, const Setup& setup, const Images& images);

// The network of others that a need names, and whether there are too few samples for it.
Protocol protocol_of_extractors(Need need, const Context& context);

// docs/metrics.md.
std::string markdown(const Measures& measures);

}  // namespace bbg::measure
