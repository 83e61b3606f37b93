#include "formats/safetensors_writer.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>

#include "formats/safetensors_header.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

constexpr size_t kLengthBytes = 8;

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  throw Error(ErrorCode::invalid_argument, what + ": " + why + "; no safetensors file can hold that");
}

std::string place(std::string_view name) {
  return "tensor " + quoted(name);
}

// A string as serde_json writes it.
std::string literal(std::string_view text) {
  try {
    return json(text).dump();
  } catch (const json::type_error&) {
    fail(quoted(text), "not UTF-8");
  }
}

void append(std::string& header, const SafetensorSpec& tensor, uint64_t begin, uint64_t end) {
  header += literal(tensor.name) + ":{\"dtype\":\"" + std::string(tensor.type->name) + "\",\"shape\":[";
  for (size_t axis = 0; axis < tensor.dims.size(); ++axis) {
    if (axis > 0) header += ',';
    header += std::to_string(tensor.dims[axis]);
  }
  header += "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

void append(std::string& header, const SafetensorsMetadata& metadata) {
  header += "\"__metadata__\":{";
  for (size_t i = 0; i < metadata.size(); ++i) {
    if (i > 0) header += ',';
    header += literal(metadata[i].first) + ":" + literal(metadata[i].second);
  }
  header += '}';
}

template <typename List, typename Name>
void check_unique(const List& list, Name name_of, std::string_view kind) {
  std::vector<std::string_view> names;
  names.reserve(list.size());
  for (const auto& item : list) names.push_back(name_of(item));
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) fail(std::string(kind) + " " + quoted(*twice), "given twice");
}

}  // namespace

uint64_t SafetensorSpec::n_bytes() const {
  uint64_t n_elements = 1, n_bits;
  for (const uint64_t dim : dims) {
    if (__builtin_mul_overflow(n_elements, dim, &n_elements)) fail(place(name), "more than 2^64 elements");
  }
  if (__builtin_mul_overflow(n_elements, uint64_t{type->n_bits}, &n_bits)) fail(place(name), "more than 2^64 bits");
  if (n_bits % 8 != 0) fail(place(name), grouped(n_bits) + " bits are not whole bytes");
  return n_bits / 8;
}

void sort_as_library(std::vector<SafetensorSpec>& tensors) {
  // Rows of the table of types are in the library's order.
  std::ranges::sort(tensors, [](const SafetensorSpec& a, const SafetensorSpec& b) {
    return std::tie(b.type, a.name) < std::tie(a.type, b.name);
  });
}

std::string safetensors_prefix(const std::vector<SafetensorSpec>& tensors, const SafetensorsMetadata& metadata,
                               size_t data_alignment) {
  assert(data_alignment > 0 && data_alignment % kLengthBytes == 0);
  check_unique(tensors, [](const SafetensorSpec& tensor) { return std::string_view(tensor.name); }, "tensor");
  check_unique(metadata, [](const auto& entry) { return std::string_view(entry.first); }, "metadata");
  std::string text(kLengthBytes, '\0');
  text += '{';
  if (!metadata.empty()) append(text, metadata);
  uint64_t begin = 0;
  for (const SafetensorSpec& tensor : tensors) {
    if (tensor.name == "__metadata__") fail(place(tensor.name), "the format uses this name itself");
    uint64_t end;
    if (__builtin_add_overflow(begin, tensor.n_bytes(), &end)) fail(place(tensor.name), "ends past 2^64 bytes");
    if (text.back() != '{') text += ',';
    append(text, tensor, begin, end);
    begin = end;
  }
  text += '}';
  text.resize((text.size() + data_alignment - 1) / data_alignment * data_alignment, ' ');
  const uint64_t length = text.size() - kLengthBytes;
  if (length > kSafetensorsMaxHeaderBytes) {
    fail("the header", grouped(length) + " bytes, more than " + grouped(kSafetensorsMaxHeaderBytes));
  }
  std::memcpy(text.data(), &length, sizeof length);
  return text;
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::vector<SafetensorSpec> tensors,
                                     const SafetensorsMetadata& metadata, size_t data_alignment)
    : file_(path), tensors_(std::move(tensors)) {
  const std::string prefix = safetensors_prefix(tensors_, metadata, data_alignment);
  uint64_t n_bytes = prefix.size();
  for (const SafetensorSpec& tensor : tensors_) n_bytes += tensor.n_bytes();
  file_.reserve(static_cast<int64_t>(std::min<uint64_t>(n_bytes, std::numeric_limits<int64_t>::max())));
  file_.write_huge_pages();  // who reads tensors maps them
  file_.write(prefix);
  if (!tensors_.empty()) n_left_ = tensors_.front().n_bytes();
  skip_finished();
}

void SafetensorsWriter::skip_finished() {
  while (n_left_ == 0 && current_ < tensors_.size()) {
    if (++current_ < tensors_.size()) n_left_ = tensors_[current_].n_bytes();
  }
}

void SafetensorsWriter::write(std::span<const std::byte> piece) {
  if (piece.size() > n_left_) {
    const std::string what = current_ < tensors_.size() ? place(tensors_[current_].name) : "after the last tensor";
    throw Error(ErrorCode::invalid_argument, file_.path() + ": " + what + ": " + grouped(piece.size()) +
                                                 " bytes given where " + grouped(n_left_) +
                                                 " are left; give as many as its shape and dtype need");
  }
  file_.write(piece);
  n_left_ -= piece.size();
  skip_finished();
}

void SafetensorsWriter::finish() {
  if (current_ < tensors_.size()) {
    throw Error(ErrorCode::invalid_argument, file_.path() + ": " + place(tensors_[current_].name) + ": " +
                                                 grouped(n_left_) + " bytes are missing; write all data first");
  }
  file_.commit();
}

}  // namespace tidemill
