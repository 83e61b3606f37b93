// The symbols of a sparse code: for each table how many of its elements lie between those that changed, and how these
// changed. Specification: docs/formats/delta_blocks.md, "Sparse".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compress/delta/changed_elements.h"
#include "compress/delta/gap_table.h"

namespace tidemill {

inline constexpr size_t kMostTables = 64;

// The tables with changes, by their order.
struct SparseTables {
  std::vector<uint8_t> numbers;
  std::vector<GapCode> gaps;
  std::vector<Frequencies> gap_frequencies;
  std::vector<Frequencies> values;  // of symbol - 1
};

// A block's elements, and for each the place of its table among those with changes, or their number where it has none.
struct SparseElements {
  const ElementForm& form;
  size_t n;
  const uint8_t* places;  // whole groups: what is behind the last element is of no matter
  const std::byte* base;
};

void write_changes(const SparseTables& tables, const SparseElements& elements, const ChangeList& changes,
                   const std::byte* tuned, std::vector<std::byte>& code);

// Writes all elements to `out`.  Throws Error bad_file.
void read_changes(const SparseTables& tables, const SparseElements& elements, std::span<const std::byte> code,
                  std::byte* out);

}  // namespace tidemill
