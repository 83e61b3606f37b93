// Fuzz target: any bytes as the code of a moved part, over a base that they make themselves; then the bytes as two
// files, one of which must come back from the other.
#include <algorithm>
#include <vector>

#include "compress/delta/moved_code.h"
#include "formats/fuzz_bytes.h"

namespace tidemill {
namespace {

void try_code(std::span<const std::byte> bytes) {
  const std::vector<std::byte> base(bytes.begin(), bytes.end());
  const auto read = [&](uint64_t begin, std::span<std::byte> out) {
    if (begin > base.size() || out.size() > base.size() - begin) throw Error(ErrorCode::internal, "past the base");
    std::copy_n(base.begin() + static_cast<std::ptrdiff_t>(begin), out.size(), out.begin());
  };
  std::vector<std::byte> out(bytes.empty() ? 0 : std::to_integer<size_t>(bytes[0]) * 40);
  decode_moved(bytes, base.size(), read, out);

  std::vector<std::byte> tuned(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 3), bytes.end());
  tuned.insert(tuned.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2));
  const ContentIndex index(base, [](std::span<const std::byte>) {});
  std::vector<std::byte> code;
  encode_moved(index, tuned, code);
  out.assign(tuned.size(), std::byte{0});
  if (!decode_moved(code, base.size(), read, out) || out != tuned)
    throw Error(ErrorCode::internal, "the bytes did not come back");
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return tidemill::fuzz_bytes(data, size, {}, tidemill::try_code);
}
