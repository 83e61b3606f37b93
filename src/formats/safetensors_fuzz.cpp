// Fuzz target: any bytes as a safetensors file.  Reads all metadata and the first and last block of each tensor, so
// that a view outside the bytes is seen by the address sanitizer; then writes what was read and reads it again. Seeds:
// tests/fuzz/corpus/safetensors, made by tests/fuzz/make_safetensors_corpus.py.
#include <array>
#include <span>

#include "formats/fuzz_bytes.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "tensor/dequantize.h"

namespace tidemill {
namespace {

void read_tensor(const SafetensorsFile& file, const std::string& name) {
  const Tensor tensor = *file.find(name);
  if (tensor.size_bytes() == 0 || tensor.dtype() == DType::c64) return;
  const DTypeInfo& row = info(tensor.dtype());
  std::array<float, 2> block;
  const std::span values = std::span(block).first(static_cast<size_t>(row.block_length));
  dequantize(tensor.dtype(), tensor.data(), values);
  dequantize(tensor.dtype(), tensor.as<std::byte>() + tensor.size_bytes() - row.block_bytes, values);
  file.release(tensor);
}

void read_tensors(const SafetensorsFile& file) {
  for (const std::string& name : file.names()) {
    allow_refusals({ErrorCode::unsupported}, [&] { read_tensor(file, name); });
  }
}

// A file that says the same, in our writer's words.
std::string rewritten(const SafetensorsFile& file) {
  std::vector<SafetensorSpec> tensors;
  std::string data;
  for (const std::string& name : file.names()) {
    const RawSafetensor raw = *file.raw(name);
    tensors.push_back({name, raw.type, {raw.dims.begin(), raw.dims.end()}});
    data.append(reinterpret_cast<const char*>(raw.data.data()), raw.data.size());
  }
  SafetensorsMetadata metadata;
  for (const std::string_view key : file.metadata_keys()) metadata.emplace_back(key, *file.metadata(key));
  return safetensors_prefix(tensors, metadata) + data;
}

void check_rewritten(const SafetensorsFile& file) {
  const std::string text = rewritten(file);
  const auto again = SafetensorsFile::from_memory(std::as_bytes(std::span(text)), "rewritten");
  const bool same = again.names() == file.names() && again.metadata_keys() == file.metadata_keys();
  if (!same || rewritten(again) != text) throw Error(ErrorCode::internal, "the rewritten file differs");
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  return fuzz_bytes(data, size, {ErrorCode::bad_file, ErrorCode::unsupported}, [](std::span<const std::byte> bytes) {
    const auto file = SafetensorsFile::from_memory(bytes, "fuzz.safetensors");
    read_tensors(file);
    check_rewritten(file);
  });
}
