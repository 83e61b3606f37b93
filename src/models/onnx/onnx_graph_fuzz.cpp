// Fuzz target: any bytes as an ONNX encoder, which reads a short text and is looked at for its structure.
#include <cstring>
#include <memory>

#include "models/onnx/recognized.h"
#include "tidemill/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const auto copy = std::make_unique<std::byte[]>(size);
  if (size > 0) std::memcpy(copy.get(), data, size);
  try {
    const std::span<const std::byte> bytes(copy.get(), size);
    const auto file = std::make_shared<const OnnxFile>(OnnxFile::from_memory(bytes, "fuzz.onnx"));
    onnx::recognize(file, onnx::outline_of(file), 64);
  } catch (const Error& error) {
    const auto code = error.code();
    if (code != ErrorCode::bad_file && code != ErrorCode::unsupported && code != ErrorCode::out_of_memory) throw;
  }
  return 0;
}
