// The tensor entries of a GGUF file, and where their data lies: aligned, whole, inside the file, without overlap.
#include <algorithm>
#include <array>
#include <numeric>

#include "formats/gguf_parse.h"
#include "formats/gguf_types.h"

namespace tidemill {
namespace {

constexpr size_t kMaxNameBytes = 4096;  // ggml stops at 63; longer names have been seen from other tools

constexpr std::array<GgmlType, 42> kGgmlTypes = {{
    {0, "F32", DType::f32},
    {1, "F16", DType::f16},
    {2, "Q4_0", DType::q4_0},
    {3, "Q4_1", DType::q4_1},
    {4, "Q4_2", {}},
    {5, "Q4_3", {}},
    {6, "Q5_0", DType::q5_0},
    {7, "Q5_1", DType::q5_1},
    {8, "Q8_0", DType::q8_0},
    {9, "Q8_1", {}},
    {10, "Q2_K", DType::q2_k},
    {11, "Q3_K", DType::q3_k},
    {12, "Q4_K", DType::q4_k},
    {13, "Q5_K", DType::q5_k},
    {14, "Q6_K", DType::q6_k},
    {15, "Q8_K", {}},
    {16, "IQ2_XXS", {}},
    {17, "IQ2_XS", {}},
    {18, "IQ3_XXS", {}},
    {19, "IQ1_S", {}},
    {20, "IQ4_NL", DType::iq4_nl},
    {21, "IQ3_S", {}},
    {22, "IQ2_S", {}},
    {23, "IQ4_XS", DType::iq4_xs},
    {24, "I8", DType::i8},
    {25, "I16", DType::i16},
    {26, "I32", DType::i32},
    {27, "I64", DType::i64},
    {28, "F64", DType::f64},
    {29, "IQ1_M", {}},
    {30, "BF16", DType::bf16},
    {31, "Q4_0_4_4", {}},
    {32, "Q4_0_4_8", {}},
    {33, "Q4_0_8_8", {}},
    {34, "TQ1_0", {}},
    {35, "TQ2_0", {}},
    {36, "IQ4_NL_4_4", {}},
    {37, "IQ4_NL_4_8", {}},
    {38, "IQ4_NL_8_8", {}},
    {39, "MXFP4", DType::mxfp4},
    {40, "NVFP4", {}},
    {41, "Q1_0", {}},
}};

DType dtype_of(uint32_t number, const GgufCursor& cursor) {
  const auto type = std::ranges::find(kGgmlTypes, number, &GgmlType::number);
  if (type != kGgmlTypes.end() && type->dtype) return *type->dtype;
  const std::string_view known = type == kGgmlTypes.end() ? "unknown" : type->name;
  cursor.fail_unsupported(
      "has type " + std::to_string(number) + " (" + std::string(known) + "), which this build cannot read",
      "use a file in another quantisation, as Q4_K_M or Q8_0");
}

// A tensor entry as the file has it, checked by itself.
struct Entry {
  std::string_view name;
  DType dtype;
  Shape shape;
  uint64_t offset;  // from the start of the data
  uint64_t size;    // bytes

  std::string place() const { return "tensor " + quoted(name); }
};

// Dimensions are innermost first in the file and outermost first in a Shape.
Shape read_shape(GgufCursor& cursor) {
  const auto rank = cursor.number<uint32_t>();
  if (rank < 1 || rank > kGgmlMaxRank) cursor.fail_damaged(std::to_string(rank) + " dimensions, expected 1 to 4");
  std::array<int64_t, kGgmlMaxRank> dims;
  int64_t n_elements = 1;
  for (uint32_t axis = rank; axis-- > 0;) {
    const auto dim = cursor.number<uint64_t>();
    if (dim == 0) cursor.fail_damaged("a dimension is 0");
    if (__builtin_mul_overflow(n_elements, dim, &n_elements)) cursor.fail_damaged("it has more than 2^63 elements");
    dims[axis] = static_cast<int64_t>(dim);
  }
  return Shape(std::span(dims).first(rank));
}

// Checked bytes of a tensor: a shape's elements fit in int64_t, their bytes may not.
uint64_t checked_size(DType dtype, const Shape& shape, const GgufCursor& cursor) {
  const DTypeInfo& row = info(dtype);
  if (shape.last() % row.block_length != 0) {
    cursor.fail_damaged("rows of " + std::to_string(shape.last()) + " elements do not hold whole blocks of " +
                        std::string(row.name) + " (" + std::to_string(row.block_length) + ")");
  }
  int64_t size;
  if (__builtin_mul_overflow(shape.n_elements() / row.block_length, int64_t{row.block_bytes}, &size)) {
    cursor.fail_damaged("it has more than 2^63 bytes");
  }
  return static_cast<uint64_t>(size);
}

Entry read_entry(GgufCursor& cursor, size_t alignment) {
  Entry entry{};
  entry.name = cursor.string(1, kMaxNameBytes);
  cursor.set_place(entry.place());
  entry.shape = read_shape(cursor);
  entry.dtype = dtype_of(cursor.number<uint32_t>(), cursor);
  entry.size = checked_size(entry.dtype, entry.shape, cursor);
  entry.offset = cursor.number<uint64_t>();
  if (entry.offset % alignment != 0) {
    cursor.fail_damaged("offset " + grouped(entry.offset) + " is not a multiple of " + grouped(alignment));
  }
  return entry;
}

// The data section: from the next multiple of `alignment` to the end of the file.
std::span<const std::byte> data_section(const GgufCursor& cursor, size_t alignment) {
  const size_t past = cursor.position() % alignment;
  const size_t padding = past == 0 ? 0 : alignment - past;
  return padding > cursor.left() ? std::span<const std::byte>{} : cursor.bytes().subspan(cursor.position() + padding);
}

void check_inside(const std::vector<Entry>& entries, size_t data_bytes, GgufCursor& cursor) {
  for (const Entry& entry : entries) {
    const uint64_t left = data_bytes - std::min<uint64_t>(entry.offset, data_bytes);
    if (entry.size <= left) continue;
    cursor.set_place(entry.place());
    cursor.fail_truncated(entry.size, left);
  }
}

void check_overlap(const std::vector<Entry>& entries, GgufCursor& cursor) {
  std::vector<uint32_t> by_offset(entries.size());
  std::iota(by_offset.begin(), by_offset.end(), 0);
  std::ranges::sort(by_offset, {}, [&](uint32_t index) { return entries[index].offset; });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const Entry& before = entries[by_offset[i - 1]];
    const Entry& entry = entries[by_offset[i]];
    if (before.offset + before.size <= entry.offset) continue;
    cursor.set_place(entry.place());
    cursor.fail_damaged("its data overlaps that of tensor " + quoted(before.name));
  }
}

}  // namespace

std::span<const GgmlType> ggml_types() {
  return kGgmlTypes;
}

std::vector<NamedTensor> read_gguf_tensors(GgufCursor& cursor, size_t n_tensors, size_t alignment) {
  std::vector<Entry> entries;
  entries.reserve(n_tensors);
  for (size_t index = 0; index < n_tensors; ++index) {
    cursor.set_place("tensor " + std::to_string(index + 1) + " of " + std::to_string(n_tensors));
    entries.push_back(read_entry(cursor, alignment));
  }
  const auto data = data_section(cursor, alignment);
  check_inside(entries, data.size(), cursor);
  check_overlap(entries, cursor);

  std::vector<NamedTensor> tensors;
  tensors.reserve(n_tensors);
  for (const Entry& entry : entries) {
    // Tensor has one pointer type for memory that may and may not be written; mapped files fault on a write.
    auto* const start = const_cast<std::byte*>(data.data() + entry.offset);
    tensors.push_back({entry.name, Tensor(start, entry.dtype, entry.shape)});
  }
  return tensors;
}

}  // namespace tidemill
