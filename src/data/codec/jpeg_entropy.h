#pragma once
// Reads the Huffman codes of baseline JPEG in place of libjpeg, whose reading takes three quarters
// of a photograph's decoding; and only counts those of columns and rows that nobody wants. libjpeg
// does the rest. Included by jpeg_*.cpp only.

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

extern "C" {
#include <jpeglib.h>
}

#include "data/codec/huffman_table.h"

namespace bbg::data {

class JpegEntropy {
 public:
  // After jpeg_start_decompress(). Takes over where the file is sequential, in one scan, Huffman
  // coded and without restart markers; else libjpeg goes on alone. `jpeg` then holds a pointer to
  // this. Damage is reported as libjpeg's warnings.
  void take_over(jpeg_decompress_struct& jpeg);

  // Columns of MCUs whose coefficients are wanted: all, unless said.
  void limit(int64_t first, int64_t last);

 private:
  static boolean decode_mcu(j_decompress_ptr jpeg, JBLOCKROW* blocks);
  // Copies the scan's data without its stuffed bytes, and leaves libjpeg at the marker behind it.
  void unstuff(jpeg_source_mgr& source);
  bool is_possible(const jpeg_decompress_struct& jpeg) const;
  void build_tables(const jpeg_decompress_struct& jpeg);
  // Reads a block of an MCU, or passes over it. False at a code that does not exist.
  template <bool kIsWanted>
  bool read(int block, JCOEF* coefficients);

  struct Block {
    const HuffmanTable *dc, *ac;
    int component;
  };

  std::array<HuffmanTable, NUM_HUFF_TBLS> dc_tables_, ac_tables_;
  std::array<Block, D_MAX_BLOCKS_IN_MCU> blocks_{};
  std::array<uint32_t, MAX_COMPS_IN_SCAN> last_dc_{};
  std::vector<uint8_t> data_;  // zeros follow
  int64_t data_bits_ = 0;
  bool has_end_ = false;  // no marker follows
  BitReader bits_;
  int64_t column_ = 0, first_ = 0, last_ = 0;
};

}  // namespace bbg::data
