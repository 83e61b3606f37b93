// Which table an element's difference is coded with: by the base's exponent, since one step of a small weight is
// nothing for a large one, and by how much its row changed. Specification: docs/formats/delta_blocks.md, "Contexts".
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "compress/delta/bit_coder.h"
#include "compress/delta/buffer.h"
#include "compress/delta/changed_elements.h"
#include "compress/delta/element_form.h"
#include "compress/delta/element_scan.h"

namespace tidemill {

inline constexpr uint32_t kMostRowClasses = 4;

struct Contexts {
  uint32_t top = 0;  // exponent from which distances are counted
  uint32_t n_classes = 1;
  std::vector<uint8_t> row_classes;  // [n_rows]
  // [n_classes][distance of the exponent] -> table; in each row non-decreasing and without gaps.
  std::vector<std::array<uint8_t, kNearExponents>> tables;
  size_t n_tables = 0;
};

void write_contexts(BitWriter& writer, const BlockShape& shape, const Contexts& contexts);
// Throws Error bad_file for what cannot be.
Contexts read_contexts(BitReader& reader, const BlockShape& shape);

// tables[i] of the element; `distances` are those of scan_exponents.  In place where they are the same.
void fill_tables(const Contexts& contexts, const BlockShape& shape, std::span<const uint8_t> distances,
                 std::span<uint8_t> tables);

// How often each symbol comes with each table.
struct SymbolCounts {
  size_t n_symbols = 0;  // the largest one that comes, and one
  std::vector<uint32_t> counts;

  std::span<uint32_t> of(size_t table) { return std::span(counts).subspan(table * n_symbols, n_symbols); }
  std::span<const uint32_t> of(size_t table) const { return std::span(counts).subspan(table * n_symbols, n_symbols); }
};

// What an encoder finds out about a block, given its changes, or the symbols of all its elements.
struct ContextChoice {
  explicit ContextChoice(size_t n_elements) : distances(n_elements) {}

  Buffer<uint8_t> distances;  // of exponents, [n_elements]
  Contexts contexts;
  SymbolCounts counts;  // by table
  double n_bits = 0;    // that symbols, what follows them, and tables are expected to take
};
ContextChoice choose_contexts(const BlockShape& shape, const std::byte* base, const ChangeList& changes);
ContextChoice choose_contexts(const BlockShape& shape, const std::byte* base, std::span<const uint8_t> symbols);

}  // namespace tidemill
