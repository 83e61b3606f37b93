#include "formats/gguf_writer.h"

#include <algorithm>
#include <array>
#include <set>

#include "formats/gguf_types.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint32_t kVersion = 3;

template <typename T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& bytes, std::string_view text) {
  put(bytes, uint64_t{text.size()});
  bytes += text;
}

[[noreturn]] void fail(const GgufTensorSpec& tensor, const std::string& why) {
  throw Error(ErrorCode::invalid_argument, "tensor " + quoted(tensor.name) + ": " + why + "; no GGUF can hold that");
}

// Null where the format has none.
const GgmlType* type_of(DType dtype) {
  const auto types = ggml_types();
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const GgmlType& type) { return type.dtype == dtype; });
  return found == types.end() ? nullptr : &*found;
}

uint32_t type_number(const GgufTensorSpec& tensor) {
  if (const GgmlType* const type = type_of(tensor.dtype)) return type->number;
  fail(tensor, "elements of " + std::string(info(tensor.dtype).name));
}

}  // namespace

template <typename T>
void GgufEntries::append(T value) {
  put(bytes_, value);
}

void GgufEntries::append_text(std::string_view text) {
  put_text(bytes_, text);
}

void GgufEntries::begin(std::string_view key, GgufType type) {
  append_text(key);
  append(static_cast<uint32_t>(type));
  ++n_entries_;
}

void GgufEntries::begin_array(std::string_view key, GgufType type, size_t n) {
  begin(key, GgufType::array);
  append(static_cast<uint32_t>(type));
  append(uint64_t{n});
}

void GgufEntries::add(std::string_view key, uint32_t value) {
  begin(key, GgufType::u32);
  append(value);
}

void GgufEntries::add(std::string_view key, float value) {
  begin(key, GgufType::f32);
  append(value);
}

void GgufEntries::add_flag(std::string_view key, bool value) {
  begin(key, GgufType::boolean);
  append(static_cast<uint8_t>(value));
}

void GgufEntries::add_text(std::string_view key, std::string_view value) {
  begin(key, GgufType::string);
  append_text(value);
}

void GgufEntries::add_texts(std::string_view key, std::span<const std::string> values) {
  begin_array(key, GgufType::string, values.size());
  for (const std::string& value : values) append_text(value);
}

void GgufEntries::add_numbers(std::string_view key, std::span<const int32_t> values) {
  begin_array(key, GgufType::i32, values.size());
  for (const int32_t value : values) append(value);
}

void GgufEntries::add_numbers(std::string_view key, std::span<const float> values) {
  begin_array(key, GgufType::f32, values.size());
  for (const float value : values) append(value);
}

void GgufEntries::add_entry(std::span<const std::byte> entry) {
  bytes_.append(reinterpret_cast<const char*>(entry.data()), entry.size());
  ++n_entries_;
}

bool gguf_has(DType dtype) {
  return type_of(dtype) != nullptr;
}

std::span<const std::byte> gguf_padding(uint64_t n_bytes) {
  static constexpr std::array<std::byte, kGgufAlignment> kZeros{};
  return std::span(kZeros).first((kGgufAlignment - n_bytes % kGgufAlignment) % kGgufAlignment);
}

std::string gguf_head(const GgufEntries& entries, std::span<const GgufTensorSpec> tensors) {
  std::string head = "GGUF";
  put(head, kVersion);
  put(head, uint64_t{tensors.size()});
  put(head, entries.count());
  head += entries.bytes();
  uint64_t offset = 0;
  std::set<std::string_view> names;
  for (const GgufTensorSpec& tensor : tensors) {
    if (!names.insert(tensor.name).second) fail(tensor, "given twice");
    if (tensor.shape.rank() < 1 || tensor.shape.rank() > static_cast<int>(kGgmlMaxRank))
      fail(tensor, "of shape " + tensor.shape.to_string());
    put_text(head, tensor.name);
    put(head, static_cast<uint32_t>(tensor.shape.rank()));
    for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis) put(head, static_cast<uint64_t>(tensor.shape[axis]));
    put(head, type_number(tensor));
    put(head, offset);
    const auto size = static_cast<uint64_t>(size_bytes(tensor.dtype, tensor.shape));
    offset += size + gguf_padding(size).size();
  }
  for (const std::byte zero : gguf_padding(head.size())) head += static_cast<char>(zero);
  return head;
}

}  // namespace tidemill
