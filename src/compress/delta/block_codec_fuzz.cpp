// Fuzz target: any bytes as the code of a block, over a base and a shape that the first bytes tell; then the rest as a
// block itself, which must come back as it was.
#include <vector>

#include "compress/delta/block_codec.h"
#include "formats/fuzz_bytes.h"

namespace tidemill {
namespace {

void try_code(std::span<const std::byte> bytes) {
  if (bytes.size() < 4) return;
  DeltaBlock block;
  block.dtype = static_cast<DType>(std::to_integer<int>(bytes[0]) % kDTypeCount);
  block.row_length = std::to_integer<int64_t>(bytes[1]);
  block.first = std::to_integer<int64_t>(bytes[2]) * 7;
  const size_t n_bytes = 16 * std::to_integer<size_t>(bytes[3]) + std::to_integer<size_t>(bytes[2]) % 3;
  bytes = bytes.subspan(4);
  std::vector<std::byte> base(n_bytes);
  for (size_t index = 0; index < n_bytes; ++index) {
    base[index] = index < bytes.size() ? bytes[index] : static_cast<std::byte>(index * 37 >> 3);
  }
  std::vector<std::byte> out(n_bytes);
  allow_refusals({ErrorCode::bad_file}, [&] { decode_delta_block(block, base, bytes, out); });

  std::vector<std::byte> tuned(bytes.begin(), bytes.end());
  tuned.resize(n_bytes);
  for (const bool has_base : {false, true}) {
    const std::span<const std::byte> given = has_base ? std::span<const std::byte>(base) : std::span<const std::byte>();
    std::vector<std::byte> code;
    encode_delta_block(block, given, tuned, code);
    decode_delta_block(block, given, code, out);
    if (out != tuned) throw Error(ErrorCode::internal, "the block did not come back");
    std::vector<std::byte> other(n_bytes);
    allow_refusals({ErrorCode::bad_file}, [&] {
      decode_delta_blocks({block, given, code, out}, {block, base, bytes, other});
      if (out != tuned) throw Error(ErrorCode::internal, "the block did not come back beside another one");
    });
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return tidemill::fuzz_bytes(data, size, {}, tidemill::try_code);
}
