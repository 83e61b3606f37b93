#include "formats/onnx.h"

#include <bit>
#include <filesystem>
#include <utility>

#include "formats/onnx_read.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

OnnxFile::OnnxFile(const std::string& path) : path_(path) {
  files_.emplace_back(path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  OnnxData data{.folder = folder.empty() ? "." : folder, .files = &files_, .made = &made_};
  graph_ = read_onnx(text_of(files_.front().bytes()), path_, data);
  for (const auto& [value, tensor] : graph_.initializers) by_name_.emplace(tensor.name, value);
  for (const MappedFile& file : files_) file_bytes_ += static_cast<int64_t>(file.bytes().size());
}

OnnxFile OnnxFile::from_memory(std::span<const std::byte> bytes, const std::string& name) {
  OnnxFile file;
  file.path_ = name;
  OnnxData data{.files = &file.files_, .made = &file.made_};
  file.graph_ = read_onnx(text_of(bytes), file.path_, data);
  for (const auto& [value, tensor] : file.graph_.initializers) file.by_name_.emplace(tensor.name, value);
  file.file_bytes_ = static_cast<int64_t>(bytes.size());
  return file;
}

std::vector<std::string> OnnxFile::names() const {
  std::vector<std::string> names;
  for (const auto& [value, tensor] : graph_.initializers) {
    if (tensor.dtype()) names.push_back(tensor.name);
  }
  return names;
}

std::optional<Tensor> OnnxFile::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return {};
  return view(graph_.initializers.at(found->second));
}

Tensor OnnxFile::view(const OnnxTensor& tensor) const {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::unsupported,
                path_ + ": tensor " + tidemill::quoted(tensor.name) + " " + why + "; export the model with another");
  };
  if (!tensor.dtype()) fail("has the type " + onnx_type_name(tensor.type) + ", which this build cannot read");
  if (std::ssize(tensor.dims) > kMaxRank) fail("has more than " + std::to_string(kMaxRank) + " dimensions");
  const DTypeInfo& row = info(*tensor.dtype());
  const bool is_aligned = std::bit_cast<uintptr_t>(tensor.data.data()) % static_cast<size_t>(row.block_bytes) == 0;
  const std::byte* const start =
      tensor.data.empty() || is_aligned ? tensor.data.data() : aligned_->copy_of(tensor.data);
  if (start != tensor.data.data()) release(tensor.data);
  try {
    // Tensor has one pointer type for memory that may and may not be written; mapped files fault on a write.
    return Tensor(const_cast<std::byte*>(start), row.dtype, Shape(std::span(tensor.dims)));
  } catch (const Error& error) {  // an empty tensor whose other dimensions overflow
    fail(std::string("has a shape that no view can have (") + error.what() + ")");
    throw;
  }
}

void OnnxFile::release(const Tensor& tensor) const {
  release({static_cast<const std::byte*>(tensor.data()), static_cast<size_t>(tensor.size_bytes())});
}

void OnnxFile::release(std::span<const std::byte> part) const {
  for (const MappedFile& file : files_) {
    const auto bytes = file.bytes();
    if (part.data() >= bytes.data() && part.data() < bytes.data() + bytes.size()) file.release(part);
  }
}

}  // namespace tidemill
