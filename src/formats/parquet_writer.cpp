#include "formats/parquet_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "formats/parquet_schema.h"
#include "formats/thrift_compact.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are written as they lie in memory");

constexpr std::string_view kMagic = "PAR1";
constexpr int64_t kPlain = 0;  // Encoding
constexpr int64_t kRle = 3;
constexpr int64_t kFloat = 4;  // Type
// What the levels of the new column say.
constexpr uint8_t kIsNull = 0;
constexpr uint8_t kIsValue = 2;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string_view key_of(std::span<const std::byte> pair, const std::string& file) {
  ThriftReader reader(pair, file, "metadata");
  std::string_view key;
  reader.structure([&](const ThriftField& field) {
    if (field.id != 1) return false;
    key = reader.binary(field);
    return true;
  });
  return key;
}

// Calls on_field(field, value) with the bytes of each field of a structure.
template <typename OnField>
void for_each_field(std::span<const std::byte> structure, const std::string& file, OnField&& on_field) {
  ThriftReader reader(structure, file, "footer");
  reader.structure([&](const ThriftField& field) {
    const size_t begin = reader.position();
    reader.skip(field.type);
    on_field(field, reader.since(begin));
    return true;
  });
}

std::string page_header(int64_t n_values, size_t n_bytes) {
  ThriftWriter writer;
  writer.begin();
  writer.integer(1, ThriftType::i32, 0);  // a data page
  writer.integer(2, ThriftType::i32, static_cast<int64_t>(n_bytes));
  writer.integer(3, ThriftType::i32, static_cast<int64_t>(n_bytes));
  writer.begin(5);
  writer.integer(1, ThriftType::i32, n_values);
  writer.integer(2, ThriftType::i32, kPlain);
  writer.integer(3, ThriftType::i32, kRle);
  writer.integer(4, ThriftType::i32, kRle);
  writer.end();
  writer.end();
  return writer.text();
}

}  // namespace

ParquetWriter::ParquetWriter(const ParquetFile& file, std::string name, Sink sink)
    : file_(file), name_(std::move(name)), sink_(std::move(sink)) {
  for (const ParquetColumn& column : file.columns())
    if (column.path == name_ || column.path.starts_with(name_ + "."))
      throw Error(ErrorCode::invalid_argument,
                  file.name() + ": has a column " + quoted(name_) + " already; name another one for the vectors");
  write(kMagic);
}

void ParquetWriter::write(std::string_view bytes) {
  sink_(bytes_of(bytes));
  n_written_ += std::ssize(bytes);
}

// By parts, so that only one of them is in memory.
void ParquetWriter::copy(std::span<const std::byte> pages) {
  constexpr size_t kPart = size_t{4} << 20;
  n_written_ += std::ssize(pages);
  while (!pages.empty()) {
    const auto part = pages.first(std::min(kPart, pages.size()));
    sink_(part);
    file_.release(part);
    pages = pages.subspan(part.size());
  }
}

void ParquetWriter::begin_group(const ParquetRowGroup& group) {
  group_ = group;
  chunk_begins_.clear();
  for (const ParquetChunk& chunk : group.chunks) {
    n_copied_ += static_cast<int64_t>(chunk.n_bytes);
    // Parts that overlap could make a small file a very large one.
    if (n_copied_ > std::ssize(file_.bytes()))
      throw Error(ErrorCode::bad_file, file_.name() + ": its columns overlap; the file is damaged, get it again");
    chunk_begins_.push_back(n_written_);
    copy(file_.bytes().subspan(chunk.begin, chunk.n_bytes));
  }
  vectors_ = {.begin = n_written_};
}

void ParquetWriter::write_rows(const std::vector<bool>& has_vector, std::span<const std::vector<float>> vectors) {
  ParquetRunWriter repetition;  // 0 begins a row
  ParquetRunWriter definition;
  int64_t n_values = 0;
  size_t next = 0;
  for (const bool has : has_vector) {
    const size_t n = has ? vectors[next++].size() : 1;
    repetition.add(0, 1);
    repetition.add(1, n - 1);
    definition.add(has ? kIsValue : kIsNull, n);
    n_values += static_cast<int64_t>(n);
  }
  std::string body = repetition.finish() + definition.finish();
  for (const auto& vector : vectors)
    body.append(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
  const std::string header = page_header(n_values, body.size());
  write(header);
  write(body);
  vectors_.n_values += n_values;
  vectors_.n_bytes += std::ssize(header) + std::ssize(body);
}

// ColumnMetaData of a column that was copied to `begin`: its offsets move with it.
std::string ParquetWriter::chunk_description(const ParquetChunk& chunk, int64_t begin) const {
  const int64_t moved_by = begin - static_cast<int64_t>(chunk.begin);
  ThriftWriter writer;
  writer.begin();
  for_each_field(chunk.description, file_.name(), [&](const ThriftField& field, std::span<const std::byte> value) {
    constexpr std::array kOffsets = {9, 11};         // of data pages and of the dictionary
    constexpr std::array kElsewhere = {10, 14, 15};  // of an index page and of a bloom filter
    if (std::ranges::find(kElsewhere, field.id) != kElsewhere.end()) return;
    if (std::ranges::find(kOffsets, field.id) == kOffsets.end()) return writer.raw(field, value);
    ThriftReader offset(value, file_.name(), "footer");
    const int64_t before = offset.integer();
    // 0 stands for no dictionary; that of data pages is always there, also where there are none.
    if (before > 0 || field.id == 9) writer.integer(field.id, ThriftType::i64, before + moved_by);
  });
  writer.end();
  return writer.text();
}

std::string ParquetWriter::vectors_description() const {
  ThriftWriter writer;
  writer.begin();
  writer.integer(1, ThriftType::i32, kFloat);
  writer.list(2, ThriftType::i32, 2);
  writer.element(kPlain);
  writer.element(kRle);
  writer.list(3, ThriftType::binary, 3);
  for (const std::string_view name : {std::string_view(name_), std::string_view("list"), std::string_view("element")})
    writer.element(name);
  writer.integer(4, ThriftType::i32, 0);  // no codec: floats of vectors hardly become smaller
  writer.integer(5, ThriftType::i64, vectors_.n_values);
  writer.integer(6, ThriftType::i64, vectors_.n_bytes);
  writer.integer(7, ThriftType::i64, vectors_.n_bytes);
  writer.integer(9, ThriftType::i64, vectors_.begin);
  writer.end();
  return writer.text();
}

void ParquetWriter::end_group() {
  ThriftWriter columns;
  const auto add = [&](int64_t begin, const std::string& description) {
    columns.begin();
    columns.integer(2, ThriftType::i64, begin);
    columns.begin(3);
    columns.append(bytes_of(description).subspan(0, description.size() - 1));  // less its end, which `end` writes
    columns.end();
    columns.end();
  };
  for (size_t index = 0; index < group_.chunks.size(); ++index)
    add(chunk_begins_[index], chunk_description(group_.chunks[index], chunk_begins_[index]));
  add(vectors_.begin, vectors_description());
  ThriftWriter writer;
  writer.begin();
  for_each_field(group_.description, file_.name(), [&](const ThriftField& field, std::span<const std::byte> value) {
    if (field.id == 1) {
      writer.list(1, ThriftType::structure, group_.chunks.size() + 1);
      writer.append(bytes_of(columns.text()));
    } else if (field.id == 2 || field.id == 6) {  // sizes of all columns
      ThriftReader size(value, file_.name(), "footer");
      writer.integer(field.id, ThriftType::i64, size.integer() + vectors_.n_bytes);
    } else if (field.id == 5) {  // where the group begins
      writer.integer(5, ThriftType::i64, chunk_begins_.empty() ? vectors_.begin : chunk_begins_.front());
    } else {
      writer.raw(field, value);
    }
  });
  writer.end();
  groups_ += writer.text();
  ++n_groups_;
  n_rows_ += group_.n_rows;
}

// The root of the schema with one child more.
std::string ParquetWriter::schema_root() const {
  const ParquetElement root = parquet_element(file_.schema()[0], file_.name());
  ThriftWriter writer;
  writer.begin();
  writer.binary(4, root.name);
  writer.integer(5, ThriftType::i32, root.n_children + 1);
  writer.end();
  return writer.text();
}

// optional group NAME (LIST) { repeated group list { required float element; } }
std::string ParquetWriter::new_elements() const {
  constexpr int64_t kOptional = 1;
  constexpr int64_t kRepeated = 2;
  constexpr int64_t kList = 3;
  ThriftWriter writer;
  writer.begin();
  writer.integer(3, ThriftType::i32, kOptional);
  writer.binary(4, name_);
  writer.integer(5, ThriftType::i32, 1);
  writer.integer(6, ThriftType::i32, kList);
  writer.begin(10);  // LogicalType
  writer.begin(3);   // LIST
  writer.end();
  writer.end();
  writer.end();
  writer.begin();
  writer.integer(3, ThriftType::i32, kRepeated);
  writer.binary(4, "list");
  writer.integer(5, ThriftType::i32, 1);
  writer.end();
  writer.begin();
  writer.integer(1, ThriftType::i32, kFloat);
  writer.integer(3, ThriftType::i32, 0);
  writer.binary(4, "element");
  writer.end();
  return writer.text();
}

void ParquetWriter::finish() {
  std::vector<std::span<const std::byte>> kept;
  for (const auto& pair : file_.metadata()) {
    const std::string_view key = key_of(pair, file_.name());
    if (key != "ARROW:schema" && key != "huggingface") kept.push_back(pair);
  }
  ThriftWriter writer;
  writer.begin();
  writer.integer(1, ThriftType::i32, file_.version());
  writer.list(2, ThriftType::structure, file_.schema().size() + 3);
  writer.append(bytes_of(schema_root()));
  for (const auto& element : std::span(file_.schema()).subspan(1)) writer.append(element);
  writer.append(bytes_of(new_elements()));
  writer.integer(3, ThriftType::i64, n_rows_);
  writer.list(4, ThriftType::structure, n_groups_);
  writer.append(bytes_of(groups_));
  if (!kept.empty()) {
    writer.list(5, ThriftType::structure, kept.size());
    for (const auto& pair : kept) writer.append(pair);
  }
  // Readers look here for what they have to make up for in pages, and those are the old writer's.
  if (!file_.created_by().empty()) writer.binary(6, file_.created_by());
  if (file_.column_orders()) {
    writer.list(7, ThriftType::structure, file_.columns().size() + 1);
    writer.append(*file_.column_orders());
    writer.append(bytes_of(std::string_view("\x1c\x00\x00", 3)));  // TypeDefinedOrder
  }
  writer.end();
  const auto n_bytes = static_cast<uint32_t>(writer.text().size());
  write(writer.text());
  write({reinterpret_cast<const char*>(&n_bytes), sizeof(n_bytes)});
  write(kMagic);
}

}  // namespace tidemill
