// Fuzz target: any bytes as an ONNX file.  Reads the first and last byte of every tensor, so that a view outside the
// bytes is seen by the address sanitizer.  Seeds: tests/fuzz/corpus/onnx, made by tests/fuzz/make_onnx_corpus.py.
#include "formats/fuzz_bytes.h"
#include "formats/onnx.h"

namespace tidemill {
namespace {

volatile uint8_t g_seen = 0;

void read_tensors(const OnnxFile& file) {
  for (const std::string& name : file.names()) {
    allow_refusals({ErrorCode::unsupported}, [&] {
      const Tensor tensor = *file.find(name);
      if (tensor.size_bytes() == 0) return;
      g_seen = tensor.as<uint8_t>()[0];
      g_seen = tensor.as<uint8_t>()[tensor.size_bytes() - 1];
      file.release(tensor);
    });
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  return fuzz_bytes(data, size, {ErrorCode::bad_file, ErrorCode::unsupported},
                    [](std::span<const std::byte> bytes) { read_tensors(OnnxFile::from_memory(bytes, "fuzz.onnx")); });
}
