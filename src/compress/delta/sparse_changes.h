// The symbols of a sparse code: for each table how many of its elements lie between those that changed, and how these
// changed. Specification: docs/formats/delta_blocks.md, "Sparse".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compress/delta/element_scan.h"
#include "compress/delta/gap_table.h"

namespace tidemill {

// The tables with changes, by their order.
struct SparseTables {
  std::vector<uint8_t> numbers;
  std::vector<GapCode> gaps;
  std::vector<Frequencies> gap_frequencies;
  std::vector<Frequencies> values;  // of symbol - 1
};

// A block's elements and the number of each one's table.
struct SparseElements {
  const ElementForm& form;
  std::span<const uint8_t> by_element;
  const std::byte* base;
};

// `symbols` of scan_symbols tell which elements changed.
void write_changes(const SparseTables& tables, const SparseElements& elements, std::span<const uint8_t> symbols,
                   const std::byte* tuned, std::vector<std::byte>& code);

// Writes all elements to `out`.  Throws Error bad_file.
void read_changes(const SparseTables& tables, const SparseElements& elements, std::span<const std::byte> code,
                  std::byte* out);

}  // namespace tidemill
