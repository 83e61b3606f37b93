#include "compress/delta/dense_code.h"

#include "compress/delta/code_parts.h"
#include "compress/delta/rans.h"

namespace tidemill {
namespace {

// Calls `call(index, symbol)` for the elements whose symbols bits follow.
template <typename Call>
void for_each_long(std::span<const uint8_t> symbols, Call&& call) {
  std::vector<uint64_t> masks((symbols.size() + kGroup - 1) / kGroup);
  mark_from(symbols, kDirectSymbols, masks.data());
  for (size_t group = 0; group < masks.size(); ++group) {
    for (uint64_t mask = masks[group]; mask != 0; mask &= mask - 1) {
      const size_t index = group * kGroup + static_cast<size_t>(std::countr_zero(mask));
      call(index, symbols[index]);
    }
  }
}

}  // namespace

void encode_dense(const BlockShape& shape, const ContextChoice& choice, std::span<const uint8_t> symbols,
                  const std::byte* base, const std::byte* tuned, std::vector<std::byte>& code) {
  std::vector<std::byte> part;
  BitWriter writer(part);
  write_contexts(writer, shape, choice.contexts);
  NumberModel n_symbols;
  n_symbols.write(writer, static_cast<uint32_t>(choice.counts.n_symbols));
  LevelsModel model;
  std::vector<Frequencies> tables;
  for (size_t table = 0; table < choice.contexts.n_tables; ++table) {
    const Levels levels = levels_of(choice.counts.of(table));
    model.write(writer, levels);
    tables.push_back(frequencies_of_levels(levels));
  }
  writer.finish();
  append_part(code, part);

  Buffer<uint8_t> contexts(shape.n_elements);
  fill_tables(choice.contexts, shape, choice.distances, contexts);
  part.clear();
  write_rans(contexts, symbols, tables, part);
  append_part(code, part);

  PlainBitWriter bits(code);
  for_each_long(symbols, [&](size_t index, uint32_t symbol) {
    bits.write(folded_difference(shape.form, base, tuned, index) - least_of(symbol), n_bits_after(symbol));
  });
  bits.finish();
}

void decode_dense(const BlockShape& shape, const std::byte* base, std::span<const std::byte> code, std::byte* out) {
  BitReader reader(take_part(code));
  const Contexts contexts = read_contexts(reader, shape);
  const size_t n_symbols = NumberModel().read(reader);
  if (n_symbols == 0 || n_symbols > n_symbols_of(shape.form.n_bytes)) refuse_code("has too many symbols, or none");
  LevelsModel model;
  std::vector<Frequencies> tables;
  for (size_t table = 0; table < contexts.n_tables; ++table) {
    tables.push_back(frequencies_of_levels(model.read(reader, n_symbols)));
    if (tables.back().empty()) refuse_code("has a table without symbols");
  }
  Buffer<uint8_t> by_element(shape.n_elements);
  scan_exponents(shape.form, base, contexts.top, by_element);
  fill_tables(contexts, shape, by_element, by_element);
  Buffer<uint8_t> symbols(shape.n_elements);
  read_rans(take_part(code), by_element, tables, symbols);
  add_symbols(shape.form, base, symbols, out);
  PlainBitReader bits(code);
  for_each_long(symbols, [&](size_t index, uint32_t symbol) {
    add_folded(shape.form, base, least_of(symbol) + bits.read(n_bits_after(symbol)), out, index);
  });
  bits.finish();
}

}  // namespace tidemill
