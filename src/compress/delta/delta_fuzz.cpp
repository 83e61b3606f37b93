// Fuzz target: any bytes as a .tmdelta.  Restores all that it says from a base of zeros, so that damaged plans, codes
// and packed parts meet their readers.  Seeds: tests/fuzz/corpus/delta, made by tests/fuzz/make_delta_corpus.py.
#include <algorithm>
#include <vector>

#include "compress/delta/delta_file.h"
#include "compress/delta/restored_files.h"
#include "formats/fuzz_bytes.h"

namespace tidemill {
namespace {

class ZeroBase final : public BaseFiles {
 public:
  std::span<const std::byte> bytes(const BaseRange& range, DeltaScratch& scratch) const override {
    scratch.base.assign(range.n_bytes, std::byte{0});
    return scratch.base;
  }
  void release(const BaseRange&) const override {}
};

// The beginning and the end of each file, by windows that cut blocks in two.
void restore(const DeltaFile& delta) {
  constexpr uint64_t kMaxWindow = 100'000;
  const ZeroBase base;
  const RestoredFiles files(delta, base);
  DeltaScratch scratch;
  std::vector<std::byte> window;
  for (size_t file = 0; file < delta.plan().files.size(); ++file) {
    const uint64_t n_bytes = delta.plan().files[file].n_bytes;
    window.resize(std::min(n_bytes, kMaxWindow));
    files.read(file, 0, window, scratch);
    files.read(file, n_bytes - window.size(), window, scratch);
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  return fuzz_bytes(data, size, {ErrorCode::bad_file, ErrorCode::unsupported},
                    [](std::span<const std::byte> bytes) { restore(DeltaFile::from_memory(bytes, "fuzz.tmdelta")); });
}
