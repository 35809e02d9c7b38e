#include "data/codec/jpeg_entropy.h"

#include <algorithm>
#include <cstring>

extern "C" {
#include <jerror.h>

// Not all distributions have it.
#if __has_include(<jpegint.h>) && defined(LIBJPEG_TURBO_VERSION)
#include <jpegint.h>
#define BBG_HAS_JPEG_INTERNALS
#endif
}

namespace bbg::data {

namespace {

// The place in a block of each coefficient as it is stored; those beyond the end go to the last.
constexpr std::array<uint8_t, 128> kNaturalOrder = [] {
  std::array<uint8_t, 128> order{};
  order.fill(63);
  size_t at = 0;
  for (int diagonal = 0; diagonal < 15; ++diagonal) {
    for (int i = 0; i <= diagonal; ++i) {
      const int row = diagonal % 2 == 0 ? diagonal - i : i;
      const int column = diagonal - row;
      if (row < 8 && column < 8) order[at++] = static_cast<uint8_t>(8 * row + column);
    }
  }
  return order;
}();

// More than the blocks of an MCU can read beyond the data.
constexpr size_t kZeros = size_t{D_MAX_BLOCKS_IN_MCU} * DCTSIZE2 * 32 / 8 + BitReader::kBeyond;

}  // namespace

bool JpegEntropy::is_possible(const jpeg_decompress_struct& jpeg) const {
#ifdef BBG_HAS_JPEG_INTERNALS
  return !jpeg.inputctl->has_multiple_scans && !jpeg.progressive_mode && !jpeg.arith_code &&
         jpeg.data_precision == 8 && jpeg.restart_interval == 0;
#else
  static_cast<void>(jpeg);
  return false;
#endif
}

void JpegEntropy::build_tables(const jpeg_decompress_struct& jpeg) {
  for (int i = 0; i < jpeg.comps_in_scan; ++i) {
    const auto dc = static_cast<size_t>(jpeg.cur_comp_info[i]->dc_tbl_no);
    const auto ac = static_cast<size_t>(jpeg.cur_comp_info[i]->ac_tbl_no);
    const JHUFF_TBL &dc_codes = *jpeg.dc_huff_tbl_ptrs[dc], &ac_codes = *jpeg.ac_huff_tbl_ptrs[ac];
    dc_tables_[dc].build(HuffmanTable::Kind::kDc, dc_codes.bits, dc_codes.huffval);
    ac_tables_[ac].build(HuffmanTable::Kind::kAc, ac_codes.bits, ac_codes.huffval);
  }
  for (int i = 0; i < jpeg.blocks_in_MCU; ++i) {
    const int component = jpeg.MCU_membership[i];
    const jpeg_component_info& info = *jpeg.cur_comp_info[component];
    blocks_[static_cast<size_t>(i)] = {&dc_tables_[static_cast<size_t>(info.dc_tbl_no)],
                                       &ac_tables_[static_cast<size_t>(info.ac_tbl_no)], component};
  }
}

// FF 00 stands for the data byte FF; FF and any other byte is a marker, before which FFs may fill.
void JpegEntropy::unstuff(jpeg_source_mgr& source) {
  const uint8_t* in = source.next_input_byte;
  const uint8_t* const end = in + source.bytes_in_buffer;
  if (data_.size() < source.bytes_in_buffer + kZeros) data_.resize(source.bytes_in_buffer + kZeros);
  uint8_t* out = data_.data();
  has_end_ = true;
  while (in != end) {
    const auto* marker =
        static_cast<const uint8_t*>(std::memchr(in, 0xFF, static_cast<size_t>(end - in)));
    if (marker == nullptr) marker = end;
    out = std::copy(in, marker, out);
    in = marker;
    const uint8_t* after = std::find_if(in, end, [](uint8_t byte) { return byte != 0xFF; });
    if (after == end) break;
    if (*after != 0) {
      has_end_ = false;
      break;
    }
    *out++ = 0xFF;
    in = after + 1;
  }
  data_bits_ = 8 * (out - data_.data());
  std::fill_n(out, kZeros, uint8_t{0});
  source.bytes_in_buffer = static_cast<size_t>(end - in);
  source.next_input_byte = in;
}

void JpegEntropy::take_over(jpeg_decompress_struct& jpeg) {
  if (!is_possible(jpeg)) return;
  build_tables(jpeg);
  last_dc_.fill(0);
  unstuff(*jpeg.src);
  bits_ = BitReader(data_.data());
  column_ = 0;
  first_ = 0;
  last_ = jpeg.MCUs_per_row;
  jpeg.client_data = this;
#ifdef BBG_HAS_JPEG_INTERNALS
  jpeg.entropy->decode_mcu = decode_mcu;
#endif
}

void JpegEntropy::limit(int64_t first, int64_t last) {
  first_ = first;
  last_ = last;
  for (HuffmanTable& table : ac_tables_) table.build_stretches();
}

template <bool kIsWanted>
bool JpegEntropy::read(int block, JCOEF* coefficients) {
  const Block& way = blocks_[static_cast<size_t>(block)];
  BitReader bits = bits_;  // in registers
  bits.fill();
  const HuffmanSymbol dc = way.dc->look(bits);
  uint32_t& last_dc = last_dc_[static_cast<size_t>(way.component)];
  last_dc += static_cast<uint32_t>(bits.number(dc.code_length, dc.size));
  if constexpr (kIsWanted) coefficients[0] = static_cast<JCOEF>(last_dc);
  bits.drop(dc.length);
  uint32_t seen = dc.length;
  const HuffmanTable& table = *way.ac;
  unsigned k = 1;
  // Reads a symbol, or passes over several. False at the end of the block.
  const auto step = [&] {
    if (!kIsWanted && k + HuffmanTable::kMostPlaces < DCTSIZE2) {
      const HuffmanTable::Stretch stretch = table.look_at_stretch(bits);
      if (stretch.length != 0) {
        bits.drop(stretch.length);
        k += stretch.places;
        return k < DCTSIZE2;
      }
    }
    const HuffmanSymbol ac = table.look(bits);
    k += ac.run;
    if constexpr (kIsWanted) {
      coefficients[kNaturalOrder[k]] = static_cast<JCOEF>(bits.number(ac.code_length, ac.size));
    }
    bits.drop(ac.length);
    seen |= ac.length;
    return ++k < DCTSIZE2;
  };
  do {
    bits.fill();
  } while (step() && step());
  bits_ = bits;
  return (seen & HuffmanTable::kBadCode) == 0;
}

// `blocks`: null where libjpeg skips rows.
boolean JpegEntropy::decode_mcu(j_decompress_ptr jpeg, JBLOCKROW* blocks) {
  auto& self = *static_cast<JpegEntropy*>(jpeg->client_data);
  const bool is_wanted =
      blocks != nullptr && self.column_ >= self.first_ && self.column_ <= self.last_;
  bool is_sound = true;
  for (int i = 0; i < jpeg->blocks_in_MCU; ++i) {
    is_sound &= is_wanted ? self.read<true>(i, *blocks[i]) : self.read<false>(i, nullptr);
  }
  if (self.bits_.dropped_since(self.data_.data()) > self.data_bits_) {
    WARNMS(jpeg, self.has_end_ ? JWRN_JPEG_EOF : JWRN_HIT_MARKER);
  } else if (!is_sound) {
    WARNMS(jpeg, JWRN_HUFF_BAD_CODE);
  }
  if (++self.column_ == jpeg->MCUs_per_row) self.column_ = 0;
  return TRUE;
}

}  // namespace bbg::data
