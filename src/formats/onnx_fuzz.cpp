// Fuzz target: any bytes as an ONNX file.  Reads the first and last byte of every tensor, so that a view outside the
// bytes is seen by the address sanitizer.  Seeds: tests/fuzz/corpus/onnx, made by tests/fuzz/make_onnx_corpus.py.
#include <cstring>
#include <memory>

#include "formats/onnx.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

volatile uint8_t g_seen = 0;

void read_tensors(const OnnxFile& file) {
  for (const std::string& name : file.names()) {
    try {
      const Tensor tensor = *file.find(name);
      if (tensor.size_bytes() == 0) continue;
      g_seen = tensor.as<uint8_t>()[0];
      g_seen = tensor.as<uint8_t>()[tensor.size_bytes() - 1];
      file.release(tensor);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unsupported) throw;
    }
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of exactly this size, so that a read past its end is seen.
  const auto copy = std::make_unique<std::byte[]>(size);
  if (size > 0) std::memcpy(copy.get(), data, size);
  try {
    tidemill::read_tensors(tidemill::OnnxFile::from_memory({copy.get(), size}, "fuzz.onnx"));
  } catch (const tidemill::Error& error) {
    const auto code = error.code();
    if (code != tidemill::ErrorCode::bad_file && code != tidemill::ErrorCode::unsupported) throw;
  }
  return 0;
}
