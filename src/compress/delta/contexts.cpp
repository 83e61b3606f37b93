#include "compress/delta/contexts.h"

#include "compress/delta/bad_code.h"

namespace tidemill {
namespace {

constexpr int kTopBits = 11;  // of the exponent of f64

// Models of what is written once per row or context.
struct ContextModels {
  std::array<BitModel, kTopBits> top;
  NumberModel n_classes;
  std::array<NumberModel, kMostRowClasses> row_class;  // by the row before
  std::array<BitModel, 1> begins;
};

}  // namespace

void write_contexts(BitWriter& writer, const BlockShape& shape, const Contexts& contexts) {
  ContextModels models;
  if (shape.form.exponent_mask != 0) {
    for (int bit = 0; bit < kTopBits; ++bit) writer.bit(models.top[static_cast<size_t>(bit)], contexts.top >> bit & 1);
  }
  models.n_classes.write(writer, contexts.n_classes - 1);
  if (contexts.n_classes > 1) {
    size_t last = 0;
    for (const uint8_t row_class : contexts.row_classes) {
      models.row_class[last].write(writer, row_class);
      last = row_class;
    }
  }
  if (shape.form.exponent_mask == 0) return;
  for (const auto& tables : contexts.tables) {
    for (size_t distance = 1; distance < tables.size(); ++distance) {
      writer.bit(models.begins[0], tables[distance] != tables[distance - 1]);
    }
  }
}

Contexts read_contexts(BitReader& reader, const BlockShape& shape) {
  ContextModels models;
  Contexts contexts;
  if (shape.form.exponent_mask != 0) {
    for (int bit = 0; bit < kTopBits; ++bit) {
      contexts.top |= reader.bit(models.top[static_cast<size_t>(bit)]) ? 1u << bit : 0;
    }
  }
  contexts.n_classes = models.n_classes.read(reader) + 1;
  if (contexts.n_classes > kMostRowClasses) refuse_code("has too many classes of rows");
  contexts.row_classes.assign(shape.n_rows, 0);
  if (contexts.n_classes > 1) {
    size_t last = 0;
    for (uint8_t& row_class : contexts.row_classes) {
      const uint32_t value = models.row_class[last].read(reader);
      if (value >= contexts.n_classes) refuse_code("has a row of no class");
      last = row_class = static_cast<uint8_t>(value);
    }
  }
  contexts.tables.resize(contexts.n_classes);
  for (auto& tables : contexts.tables) {
    tables[0] = static_cast<uint8_t>(contexts.n_tables++);
    for (size_t distance = 1; distance < tables.size(); ++distance) {
      if (shape.form.exponent_mask != 0 && reader.bit(models.begins[0])) ++contexts.n_tables;
      tables[distance] = static_cast<uint8_t>(contexts.n_tables - 1);
    }
  }
  return contexts;
}

void fill_tables(const Contexts& contexts, const BlockShape& shape, std::span<const uint8_t> distances,
                 std::span<uint8_t> tables) {
  if (contexts.n_classes == 1) {
    map_bytes(contexts.tables[0], distances, tables.data());
    return;
  }
  for_each_row(shape, [&](size_t row, size_t begin, size_t size) {
    map_bytes(contexts.tables[contexts.row_classes[row]], distances.subspan(begin, size), tables.data() + begin);
  });
}

}  // namespace tidemill
