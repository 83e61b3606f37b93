#include "formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Whether elements of `row` may be read at `data`.
bool is_aligned(const std::byte* data, const DTypeInfo& row) {
  const auto element_bytes = static_cast<size_t>(row.dtype == DType::c64 ? sizeof(float) : row.block_bytes);
  return std::bit_cast<uintptr_t>(data) % element_bytes == 0;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path), file_(path) {
  read(file_->bytes());
}

SafetensorsFile SafetensorsFile::from_memory(std::span<const std::byte> bytes, const std::string& name) {
  SafetensorsFile file;
  file.path_ = name;
  file.read(bytes);
  return file;
}

void SafetensorsFile::read(std::span<const std::byte> bytes) {
  header_ = read_safetensors_header(bytes, path_);
  data_ = bytes.subspan(header_.data_offset);
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  names.reserve(header_.entries.size());
  for (const SafetensorsEntry& entry : header_.entries) names.emplace_back(header_.name(entry));
  return names;
}

const SafetensorsEntry* SafetensorsFile::entry(std::string_view name) const {
  const auto name_of = [this](uint32_t index) { return header_.name(header_.entries[index]); };
  const auto found = std::ranges::lower_bound(header_.by_name, name, {}, name_of);
  return found == header_.by_name.end() || name_of(*found) != name ? nullptr : &header_.entries[*found];
}

std::span<const std::byte> SafetensorsFile::data(const SafetensorsEntry& entry) const {
  return data_.subspan(static_cast<size_t>(entry.begin), static_cast<size_t>(entry.end - entry.begin));
}

std::optional<Tensor> SafetensorsFile::find(std::string_view name) const {
  const SafetensorsEntry* const found = entry(name);
  return found == nullptr ? std::nullopt : std::optional(view(*found));
}

Tensor SafetensorsFile::view(const SafetensorsEntry& entry) const {
  if (!entry.type->dtype) {
    fail_unsupported(entry, "dtype " + std::string(entry.type->name) + ", which this build cannot read");
  }
  if (entry.rank > static_cast<uint32_t>(kMaxRank)) {
    fail_unsupported(entry,
                     std::to_string(entry.rank) + " dimensions, this build reads at most " + std::to_string(kMaxRank));
  }
  std::array<int64_t, kMaxRank> dims{};
  for (uint32_t axis = 0; axis < entry.rank; ++axis) {
    if (!std::in_range<int64_t>(entry.dims[axis])) fail_unsupported(entry, "a dimension of 2^63 or more");
    dims[axis] = static_cast<int64_t>(entry.dims[axis]);
  }
  const auto bytes = data(entry);
  const DTypeInfo& row = info(*entry.type->dtype);
  const std::byte* const start =
      bytes.empty() || is_aligned(bytes.data(), row) ? bytes.data() : aligned_->copy_of(bytes);
  try {
    // Tensor has one pointer type for memory that may and may not be written; mapped files fault on a write.
    return Tensor(const_cast<std::byte*>(start), row.dtype, Shape(std::span(dims).first(entry.rank)));
  } catch (const Error& error) {  // an empty tensor whose other dimensions overflow, or rows of half bytes
    fail_unsupported(entry, std::string("a shape that no view can have (") + error.what() + ")");
  }
}

void SafetensorsFile::release(const Tensor& tensor) const {
  const std::span part(static_cast<const std::byte*>(tensor.data()), static_cast<size_t>(tensor.size_bytes()));
  const bool is_mapped = file_ && part.data() >= data_.data() && part.data() < data_.data() + data_.size();
  if (is_mapped) file_->release(part);
}

std::optional<RawSafetensor> SafetensorsFile::raw(std::string_view name) const {
  const SafetensorsEntry* const found = entry(name);
  if (found == nullptr) return std::nullopt;
  if (found->rank > kSafetensorsMaxKeptRank) {
    fail_unsupported(*found, std::to_string(found->rank) + " dimensions, this build reads at most " +
                                 std::to_string(kSafetensorsMaxKeptRank));
  }
  return RawSafetensor{found->type, std::span(found->dims).first(found->rank), data(*found)};
}

std::optional<std::string_view> SafetensorsFile::metadata(std::string_view key) const {
  const auto key_of = [this](const auto& item) { return header_.texts[item.first]; };
  const auto found = std::ranges::lower_bound(header_.metadata, key, {}, key_of);
  if (found == header_.metadata.end() || key_of(*found) != key) return std::nullopt;
  return header_.texts[found->second];
}

std::vector<std::string_view> SafetensorsFile::metadata_keys() const {
  std::vector<std::string_view> keys;
  keys.reserve(header_.metadata.size());
  for (const auto& [key, value] : header_.metadata) keys.push_back(header_.texts[key]);
  return keys;
}

void SafetensorsFile::fail_unsupported(const SafetensorsEntry& entry, const std::string& why) const {
  throw Error(ErrorCode::unsupported, path_ + ": tensor " + quoted(header_.name(entry)) + " has " + why +
                                          "; convert it to another dtype or shape");
}

}  // namespace tidemill
