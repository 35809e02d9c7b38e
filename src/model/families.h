#pragma once
// The tables of network families and of encoder trunks.

#include "model/encoders/encoder_entry.h"
#include "model/family.h"

namespace bbg::model {

const Family& family_of(Block block);
// Not for EncoderKind::kAuto, which ModelOptions::encoder_kind() resolves.
const EncoderEntry& encoder_of(EncoderKind kind);

}  // namespace bbg::model
