// Fuzz target: any text as the entry of a delta in a store; what is read comes back as it was written.
#include <string_view>

#include "compress/store/store_entry.h"
#include "formats/fuzz_bytes.h"

namespace tidemill {
namespace {

void read_and_write(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string written = write_entry(read_entry(text, "fuzz.json"));
  if (write_entry(read_entry(written, "fuzz.json")) != written)
    throw Error(ErrorCode::internal, "the entry did not come back");
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return tidemill::fuzz_bytes(data, size, {tidemill::ErrorCode::bad_file}, tidemill::read_and_write);
}
