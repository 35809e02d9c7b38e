#include "model/layout.h"

#include "core/error.h"

namespace bbg::model {

namespace {

[[noreturn]] void unknown(int64_t resolution) {
  throw core::UsageError("model.resolution = " + std::to_string(resolution) +
                             " is not known for model.block = residual",
                         "residual networks exist at 32 px; strided ones at 16, 32, 64 and 128 px "
                         "(model.block = strided)");
}

}  // namespace

std::vector<UpBlock> generator_layout(const std::string& layout, int64_t resolution) {
  if (resolution != 32) unknown(resolution);
  const bool attention = layout == "sg";
  return {{4, 4, 8, false}, {4, 4, 16, attention}, {4, 4, 32, false}};
}

std::vector<DownBlock> discriminator_layout(const std::string& layout, int64_t resolution) {
  if (resolution != 32) unknown(resolution);
  if (layout == "bgp") {
    return {{0, 4, 16, true, false},
            {4, 4, 8, true, false},
            {4, 4, 8, false, false},
            {4, 4, 8, false, false}};
  }
  if (layout == "sg") {
    return {{0, 2, 16, true, true},
            {2, 2, 8, true, false},
            {2, 2, 8, false, false},
            {2, 2, 8, false, false}};
  }
  return {{0, 2, 16, true, false},
          {2, 2, 8, true, false},
          {2, 2, 4, true, false},
          {2, 2, 4, false, false}};
}

}  // namespace bbg::model
