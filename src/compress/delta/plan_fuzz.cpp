// Fuzz target: any bytes as the text of a delta's plan, which the target of whole deltas rarely meets behind zstd. What
// is read is cut into blocks and written again.  Seeds: tests/fuzz/corpus/plan, made by
// tests/fuzz/make_delta_corpus.py.
#include <cstdlib>
#include <string_view>

#include "compress/delta/plan.h"
#include "formats/fuzz_bytes.h"

namespace tidemill {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_cuts(const PlanPart& part) {
  const BlockCuts cuts(part);
  require(cuts.begin(cuts.n_blocks()) == part.n_bytes && (cuts.n_blocks() == 0 || cuts.begin(0) == 0));
  for (const uint64_t block : {uint64_t{0}, cuts.n_blocks() / 2, cuts.n_blocks() - 1}) {
    if (block >= cuts.n_blocks()) continue;
    require(cuts.begin(block) < cuts.begin(block + 1));
    require(cuts.block_at(cuts.begin(block)) == block && cuts.block_at(cuts.begin(block + 1) - 1) == block);
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  return fuzz_bytes(data, size, {ErrorCode::bad_file, ErrorCode::unsupported}, [](std::span<const std::byte> bytes) {
    const DeltaPlan plan = read_plan({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "fuzz.tmdelta");
    for (const PlanFile& file : plan.files) {
      for (const PlanPart& part : file.parts) check_cuts(part);
    }
    const std::string text = write_plan(plan);
    require(write_plan(read_plan(text, "again.tmdelta")) == text);
  });
}
