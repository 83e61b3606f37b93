// Fuzz target: any bytes as an ONNX encoder, which reads a short text and is looked at for its structure.
#include <memory>

#include "formats/fuzz_bytes.h"
#include "models/onnx/recognized.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const auto refusals = {ErrorCode::bad_file, ErrorCode::unsupported, ErrorCode::out_of_memory};
  return fuzz_bytes(data, size, refusals, [](std::span<const std::byte> bytes) {
    const auto file = std::make_shared<const OnnxFile>(OnnxFile::from_memory(bytes, "fuzz.onnx"));
    onnx::recognize(file, onnx::outline_of(file), 64);
  });
}
