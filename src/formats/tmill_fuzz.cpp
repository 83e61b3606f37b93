// Fuzz target: any bytes as a .tmill.  Decodes the first and last row of each matrix, so that a view outside the bytes
// is seen by the address sanitizer, and reads the metadata of a GGUF that it may carry.
// Seeds: tests/fuzz/corpus/tmill, made by tests/fuzz/make_tmill_corpus.py.
#include <cstring>
#include <vector>

#include "formats/fuzz_bytes.h"
#include "formats/gguf.h"
#include "formats/tmill.h"
#include "tensor/unpack_row.h"

namespace tidemill {
namespace {

struct alignas(kTmillAlignment) Line {
  std::byte bytes[kTmillAlignment];
};

void read_all(const TmillFile& file) {
  for (const auto& [name, tensor] : file.tensors()) {
    if (tensor.layout() != Layout::rows) {
      std::vector<float> row(static_cast<size_t>(tensor.dim(1)));
      for (const int64_t index : {int64_t{0}, tensor.dim(0) - 1}) unpack_row(tensor, index, row.data());
    } else if (tensor.n_elements() > 0) {
      volatile float last = tensor.as<float>()[tensor.n_elements() - 1];
      static_cast<void>(last);
    }
    file.release(tensor);
  }
  for (const std::string& name : file.file_names()) {
    volatile size_t size = file.file(name)->size();
    static_cast<void>(size);
  }
  if (const auto metadata = file.file(kTmillGgufFile)) {
    GgufFile::with_tensors(*metadata, file.path(), file.tensors()).metadata_file();
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  std::vector<Line> copy(size / kTmillAlignment + 1);  // a mapped file begins on a page
  if (size > 0) std::memcpy(copy.data(), data, size);
  allow_refusals({ErrorCode::bad_file, ErrorCode::unsupported},
                 [&] { read_all(TmillFile::from_memory({copy.front().bytes, size}, "fuzz.tmill")); });
  return 0;
}
