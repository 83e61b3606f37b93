#include "compress/delta/sparse_code.h"

#include "compress/delta/code_parts.h"
#include "compress/delta/sparse_changes.h"

namespace tidemill {
namespace {

SparseTables write_tables(const ContextChoice& choice, BitWriter& writer) {
  SparseTables tables;
  NumberModel rates;
  NumberModel n_symbols;
  LevelsModel model;
  n_symbols.write(writer, static_cast<uint32_t>(choice.counts.n_symbols));
  int last = 0;
  for (size_t table = 0; table < choice.contexts.n_tables; ++table) {
    const auto counts = choice.counts.of(table);
    uint32_t n_changed = 0;
    for (const uint32_t count : counts.subspan(1)) n_changed += count;
    const int rate = n_changed == 0 ? 0 : rate_of(n_changed, n_changed + counts[0]);
    rates.write(writer, folded(rate - last));
    last = rate;
    if (rate == 0) continue;
    const Levels levels = levels_of(counts.subspan(1));
    model.write(writer, levels);
    tables.numbers.push_back(static_cast<uint8_t>(table));
    tables.gaps.push_back(gap_code(rate));
    tables.gap_frequencies.push_back(gap_frequencies(rate));
    tables.values.push_back(frequencies_of_levels(levels));
  }
  return tables;
}

SparseTables read_tables(const BlockShape& shape, const Contexts& contexts, BitReader& reader) {
  SparseTables tables;
  NumberModel rates;
  NumberModel n_symbols_model;
  LevelsModel model;
  const size_t n_symbols = n_symbols_model.read(reader);
  if (n_symbols < 2 || n_symbols > n_symbols_of(shape.form.n_bytes)) refuse_code("has too many symbols, or none");
  int64_t rate = 0;
  for (size_t table = 0; table < contexts.n_tables; ++table) {
    rate += unfolded(rates.read(reader));
    if (rate < 0 || rate > kMostRate) refuse_code("has a share of changes out of range");
    if (rate == 0) continue;
    tables.numbers.push_back(static_cast<uint8_t>(table));
    tables.gaps.push_back(gap_code(static_cast<int>(rate)));
    tables.gap_frequencies.push_back(gap_frequencies(static_cast<int>(rate)));
    tables.values.push_back(frequencies_of_levels(model.read(reader, n_symbols - 1)));
    if (tables.values.back().empty()) refuse_code("has a table without symbols");
  }
  return tables;
}

// With the tables' places among those with changes for their numbers.
Contexts by_place(Contexts contexts, const SparseTables& tables) {
  std::array<uint8_t, kMostTables> places;
  places.fill(static_cast<uint8_t>(tables.numbers.size()));
  for (size_t place = 0; place < tables.numbers.size(); ++place)
    places[tables.numbers[place]] = static_cast<uint8_t>(place);
  for (auto& of_class : contexts.tables) {
    for (uint8_t& table : of_class) table = places[table];
  }
  return contexts;
}

}  // namespace

void encode_sparse(const BlockShape& shape, const ContextChoice& choice, const ChangeList& changes,
                   const std::byte* base, const std::byte* tuned, std::vector<std::byte>& code) {
  std::vector<std::byte> part;
  BitWriter writer(part);
  write_contexts(writer, shape, choice.contexts);
  const SparseTables tables = write_tables(choice, writer);
  writer.finish();
  append_part(code, part);
  Buffer<uint8_t> places(n_groups_of(shape.n_elements) * kGroup);
  fill_tables(by_place(choice.contexts, tables), shape, choice.distances, places);
  write_changes(tables, {shape.form, shape.n_elements, places.data(), base}, changes, tuned, code);
}

void decode_sparse(const BlockShape& shape, const std::byte* base, std::span<const std::byte> code, std::byte* out) {
  BitReader bits(take_part(code));
  const Contexts contexts = read_contexts(bits, shape);
  const SparseTables tables = read_tables(shape, contexts, bits);
  Buffer<uint8_t> places(n_groups_of(shape.n_elements) * kGroup);
  const auto of_elements = std::span<uint8_t>(places).first(shape.n_elements);
  scan_exponents(shape.form, base, contexts.top, of_elements);
  fill_tables(by_place(contexts, tables), shape, of_elements, of_elements);
  read_changes(tables, {shape.form, shape.n_elements, places.data(), base}, code, out);
}

}  // namespace tidemill
