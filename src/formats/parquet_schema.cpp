#include "formats/parquet_schema.h"

#include "formats/thrift_compact.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr size_t kMaxDepth = 64;
constexpr size_t kMaxElements = 1'000'000;
constexpr size_t kMaxPathBytes = size_t{256} << 20;  // of all leaves: each has the names of its groups, too

// A group whose children are being read.
struct OpenGroup {
  int64_t n_left = 0;
  size_t path_bytes = 0;  // of the path up to it
  int definition = 0;
  int repetition = 0;
};

}  // namespace

ParquetElement parquet_element(std::span<const std::byte> bytes, const std::string& file) {
  ThriftReader reader(bytes, file, "schema");
  ParquetElement element;
  reader.structure([&](const ThriftField& field) {
    switch (field.id) {
      case 1:
        element.type = reader.integer(field, 0, 7);
        return true;
      case 3:
        element.repetition = reader.integer(field, 0, 2);
        return true;
      case 4:
        element.name = reader.binary(field);
        return true;
      case 5:
        element.n_children = reader.integer(field, 0, 1 << 24);
        return true;
      case 6:
        element.annotation = reader.integer(field, 0, 1 << 10);
        return true;
      default:
        return false;
    }
  });
  return element;
}

std::vector<ParquetColumn> parquet_columns(const std::vector<std::span<const std::byte>>& schema,
                                           const std::string& file) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::bad_file, file + ": schema: " + why + "; the file is damaged, get it again");
  };
  if (schema.empty()) fail("is empty");
  if (schema.size() > kMaxElements) fail("has more than " + grouped(kMaxElements) + " elements");
  size_t n_path_bytes = 0;
  std::vector<ParquetColumn> columns;
  std::vector<OpenGroup> open = {{.n_left = parquet_element(schema[0], file).n_children}};
  std::string path;
  for (size_t index = 1; index < schema.size(); ++index) {
    while (!open.empty() && open.back().n_left == 0) open.pop_back();
    if (open.empty()) fail("has more elements than its groups");
    OpenGroup& group = open.back();
    --group.n_left;
    path.resize(group.path_bytes);
    const ParquetElement element = parquet_element(schema[index], file);
    path += (path.empty() ? "" : ".") + std::string(element.name);
    const int definition = group.definition + (element.repetition == 0 ? 0 : 1);
    const int repetition = group.repetition + (element.repetition == 2 ? 1 : 0);
    if (element.type < 0) {
      if (open.size() >= kMaxDepth) fail("is nested more than " + std::to_string(kMaxDepth) + " levels deep");
      open.push_back({element.n_children, path.size(), definition, repetition});
    } else {
      n_path_bytes += path.size();
      if (n_path_bytes > kMaxPathBytes) fail("has names that are too long");
      columns.push_back({.path = path,
                         .type = static_cast<ParquetType>(element.type),
                         .annotation = element.annotation,
                         .max_definition = definition,
                         .max_repetition = repetition});
    }
  }
  while (!open.empty() && open.back().n_left == 0) open.pop_back();
  if (!open.empty()) fail("ends within a group");
  return columns;
}

}  // namespace tidemill
