#include "formats/parquet_file.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "formats/parquet_schema.h"
#include "formats/thrift_compact.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr size_t kMagicBytes = 4;
constexpr size_t kTailBytes = 8;  // length of the footer, magic

[[noreturn]] void fail(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::bad_file, name + ": " + why);
}

// The footer of a file: what lies before its length and the magic at the end.
std::span<const std::byte> footer_of(std::span<const std::byte> bytes, const std::string& name) {
  const auto magic_at = [&](size_t pos) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()) + pos, kMagicBytes);
  };
  if (bytes.size() < kMagicBytes + kTailBytes || magic_at(0).substr(0, 3) != "PAR")
    fail(name, "is no Parquet file; is it what its name says?");
  const size_t end = bytes.size() - kTailBytes;
  if (magic_at(end + 4) == "PARE" || magic_at(0) == "PARE")
    throw Error(ErrorCode::unsupported, name + ": is encrypted; decrypt it first");
  if (magic_at(0) != "PAR1") fail(name, "is no Parquet file; is it what its name says?");
  if (magic_at(end + 4) != "PAR1") fail(name, "does not end as a Parquet file does; it is cut off, get it again");
  uint32_t n_bytes = 0;
  std::memcpy(&n_bytes, bytes.data() + end, sizeof(n_bytes));
  if (n_bytes > end - kMagicBytes) fail(name, "its footer would be longer than the file; it is damaged, get it again");
  return bytes.subspan(end - n_bytes, n_bytes);
}

// The structures of a list, as bytes.
std::vector<std::span<const std::byte>> structures(ThriftReader& reader, const ThriftField& field) {
  std::vector<std::span<const std::byte>> list;
  for (size_t n = reader.list(field, ThriftType::structure).size; n > 0; --n) {
    const size_t begin = reader.position();
    reader.skip(ThriftType::structure);
    list.push_back(reader.since(begin));
  }
  return list;
}

}  // namespace

ParquetFile::ParquetFile(const std::string& path) : name_(path), mapped_(MappedFile(path)), bytes_(mapped_->bytes()) {
  read_footer();
}

ParquetFile ParquetFile::from_memory(std::span<const std::byte> bytes, const std::string& name) {
  ParquetFile file;
  file.name_ = name;
  file.bytes_ = bytes;
  file.read_footer();
  return file;
}

void ParquetFile::release(std::span<const std::byte> part) const {
  if (mapped_) mapped_->release(part);
}

void ParquetFile::read_footer() {
  ThriftReader reader(footer_of(bytes_, name_), name_, "footer");
  size_t n_orders = 0;
  reader.structure([&](const ThriftField& field) {
    switch (field.id) {
      case 1:
        version_ = reader.integer(field, 0, 1 << 20);
        return true;
      case 2:
        schema_ = structures(reader, field);
        return true;
      case 3:
        n_rows_ = reader.integer(field, 0, kMax);
        return true;
      case 4:
        row_groups_ = structures(reader, field);
        return true;
      case 5:
        metadata_ = structures(reader, field);
        return true;
      case 6:
        created_by_ = reader.binary(field);
        return true;
      case 7: {
        n_orders = reader.list(field, ThriftType::structure).size;
        const size_t begin = reader.position();
        for (size_t i = 0; i < n_orders; ++i) reader.skip(ThriftType::structure);
        column_orders_ = reader.since(begin);
        return true;
      }
      case 8:
        throw Error(ErrorCode::unsupported, name_ + ": is encrypted; decrypt it first");
      default:
        return false;
    }
  });
  columns_ = parquet_columns(schema_, name_);
  if (n_orders != columns_.size()) column_orders_.reset();
}

size_t ParquetFile::text_column(const std::string& path) const {
  const auto found = std::ranges::find(columns_, path, &ParquetColumn::path);
  if (found == columns_.end()) {
    std::string names;
    bool is_group = false;
    for (const ParquetColumn& column : columns_) {
      is_group = is_group || column.path.starts_with(path + ".");
      if (names.size() < 200) names += (names.empty() ? "" : ", ") + printable(column.path, 60);
    }
    if (is_group)
      throw Error(ErrorCode::unsupported,
                  name_ + ": column " + quoted(path) + " is a list or a group; give one of texts");
    fail(name_, "has no column " + quoted(path) + "; name one of: " + names);
  }
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::unsupported, name_ + ": column " + quoted(path) + " " + why + "; give one of texts");
  };
  if (found->max_repetition > 0) refuse("is in a list");
  if (found->type != ParquetType::bytes) refuse("holds no texts");
  constexpr int64_t kUtf8 = 0;
  constexpr int64_t kEnum = 4;
  constexpr int64_t kJson = 19;
  if (found->annotation != -1 && found->annotation != kUtf8 && found->annotation != kEnum && found->annotation != kJson)
    refuse("holds no texts");
  return static_cast<size_t>(found - columns_.begin());
}

ParquetRowGroup ParquetFile::row_group(size_t index) const {
  const std::string place = "row group " + std::to_string(index);
  ThriftReader reader(row_groups_[index], name_, place);
  ParquetRowGroup group{.description = row_groups_[index]};
  reader.structure([&](const ThriftField& field) {
    if (field.id == 3) {
      group.n_rows = reader.integer(field, 0, kMax);
    } else if (field.id == 1) {
      for (size_t n = reader.list(field, ThriftType::structure).size; n > 0; --n)
        group.chunks.push_back(read_chunk(reader));
    } else {
      return false;
    }
    return true;
  });
  if (group.chunks.size() != columns_.size())
    reader.fail("has " + std::to_string(group.chunks.size()) + " columns, the schema " +
                std::to_string(columns_.size()));
  for (size_t column = 0; column < columns_.size(); ++column) {
    if (group.chunks[column].type != columns_[column].type) reader.fail("has columns of other types than the schema");
    if (columns_[column].max_repetition == 0 && group.chunks[column].n_values != group.n_rows)
      reader.fail("column " + quoted(columns_[column].path) + " has another number of values than there are rows");
  }
  return group;
}

ParquetChunk ParquetFile::read_chunk(ThriftReader& reader) const {
  ParquetChunk chunk;
  reader.structure([&](const ThriftField& field) {
    if (field.id == 8 || field.id == 9)
      throw Error(ErrorCode::unsupported, name_ + ": has an encrypted column; decrypt it first");
    if (field.id == 1) {
      if (reader.binary(field).empty()) return true;
      throw Error(ErrorCode::unsupported, name_ + ": its columns are in other files; give those");
    }
    if (field.id != 3) return false;
    reader.expect(field, ThriftType::structure);
    const size_t begin = reader.position();
    reader.skip(ThriftType::structure);
    chunk.description = reader.since(begin);
    return true;
  });
  int64_t data = -1;
  int64_t dictionary = 0;
  int64_t n_bytes = -1;
  ThriftReader fields(chunk.description, name_, "a column of a row group");
  if (chunk.description.empty()) fields.fail("has no description");
  fields.structure([&](const ThriftField& field) {
    switch (field.id) {
      case 1:
        chunk.type = static_cast<ParquetType>(fields.integer(field, 0, 7));
        return true;
      case 4:
        chunk.codec = static_cast<ParquetCodec>(fields.integer(field, 0, 7));
        return true;
      case 5:
        chunk.n_values = fields.integer(field, 0, kMax);
        return true;
      case 7:
        n_bytes = fields.integer(field, 0, kMax);
        return true;
      case 9:
        data = fields.integer(field, 0, kMax);
        return true;
      case 11:
        dictionary = fields.integer(field, 0, kMax);
        return true;
      default:
        return false;
    }
  });
  const int64_t begin = dictionary > 0 ? std::min(dictionary, data) : data;  // 0 is what some write for none
  if (begin < 0 || n_bytes < 0) fields.fail("does not say where its pages are");
  if (begin > std::ssize(bytes_) || n_bytes > std::ssize(bytes_) - begin) fields.fail("has pages outside of the file");
  chunk.begin = static_cast<size_t>(begin);
  chunk.n_bytes = static_cast<size_t>(n_bytes);
  return chunk;
}

}  // namespace tidemill
