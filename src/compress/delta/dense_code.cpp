#include "compress/delta/dense_code.h"

#include "compress/delta/code_parts.h"
#include "compress/delta/rans.h"

namespace tidemill {
namespace {

// Calls `call(index, symbol)` for the elements whose symbols bits follow.
template <typename Call>
void for_each_long(std::span<const uint8_t> symbols, Call&& call) {
  Buffer<uint64_t> masks(n_groups_of(symbols.size()));
  mark_from(symbols, kDirectSymbols, masks.data());
  for (size_t group = 0; group < masks.size(); ++group) {
    for (uint64_t mask = masks.data()[group]; mask != 0; mask &= mask - 1) {
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
  with_width(shape.form.n_bytes, [&](auto width) {
    for_each_long(symbols, [&](size_t index, uint32_t symbol) {
      bits.write(folded_difference<decltype(width)>(base, tuned, index) - least_of(symbol), n_bits_after(symbol));
    });
  });
  bits.finish();
}

DenseDecoder::DenseDecoder(const BlockShape& shape, const std::byte* base, std::span<const std::byte> code,
                           std::byte* out)
    : shape_(shape), base_(base), out_(out), by_element_(shape.n_elements), symbols_(shape.n_elements) {
  BitReader reader(take_part(code));
  const Contexts contexts = read_contexts(reader, shape);
  const size_t n_symbols = NumberModel().read(reader);
  if (n_symbols == 0 || n_symbols > n_symbols_of(shape.form.n_bytes)) refuse_code("has too many symbols, or none");
  LevelsModel model;
  for (size_t table = 0; table < contexts.n_tables; ++table) {
    tables_.push_back(frequencies_of_levels(model.read(reader, n_symbols)));
    if (tables_.back().empty()) refuse_code("has a table without symbols");
  }
  scan_exponents(shape.form, base, contexts.top, by_element_);
  fill_tables(contexts, shape, by_element_, by_element_);
  rans_ = take_part(code);
  long_bits_ = code;
}

void DenseDecoder::finish() const {
  add_symbols(shape_.form, base_, symbols_, out_);
  PlainBitReader bits(long_bits_);
  with_width(shape_.form.n_bytes, [&](auto width) {
    for_each_long(symbols_, [&](size_t index, uint32_t symbol) {
      add_folded<decltype(width)>(base_, least_of(symbol) + bits.read(n_bits_after(symbol)), out_, index);
    });
  });
  bits.finish();
}

}  // namespace tidemill
