#pragma once
// The seed by which the field's programs shuffle images and choose subsets (torch-fidelity's
// rng_seed). A constant of the protocol, not of a run.

#include <cstdint>

namespace bbg::eval {

inline constexpr uint32_t kProtocolSeed = 2020;

}  // namespace bbg::eval
