#include "compress/delta/packed_text.h"

#include <zstd.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "tidemill/error.h"

namespace tidemill {
namespace {

// Prefix and text up to which the best level takes less than half a second and 20 MB.
constexpr size_t kThoroughBytes = 1 << 20;
constexpr int kMinWindowLog = 18;
constexpr int kThoroughLevel = 19;
constexpr int kUsualLevel = 9;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

size_t checked(size_t result) {
  if (ZSTD_isError(result) != 0) {
    throw Error(ErrorCode::internal,
                std::string("zstd: packing failed (") + ZSTD_getErrorName(result) + "); please report it");
  }
  return result;
}

}  // namespace

void pack_text(std::span<const std::byte> prefix, std::span<const std::byte> bytes, std::vector<std::byte>& packed) {
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  const int level = prefix.size() + bytes.size() <= kThoroughBytes ? kThoroughLevel : kUsualLevel;
  checked(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level));
  // The plan says how many bytes there are.
  checked(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0));
  int window_log = kMinWindowLog;
  while (window_log < kPackedMaxWindowLog && (size_t{1} << window_log) < prefix.size() + bytes.size()) ++window_log;
  checked(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log));
  if (!prefix.empty()) checked(ZSTD_CCtx_refPrefix(context.get(), prefix.data(), prefix.size()));
  const size_t before = packed.size();
  packed.resize(before + ZSTD_compressBound(bytes.size()));
  packed.resize(before + checked(ZSTD_compress2(context.get(), packed.data() + before, packed.size() - before,
                                                bytes.data(), bytes.size())));
}

bool unpack_text(std::span<const std::byte> prefix, std::span<const std::byte> packed, std::span<std::byte> out) {
  const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  if (ZSTD_findFrameCompressedSize(packed.data(), packed.size()) != packed.size()) return false;
  if (!prefix.empty() && ZSTD_isError(ZSTD_DCtx_refPrefix(context.get(), prefix.data(), prefix.size())) != 0)
    return false;
  return ZSTD_decompressDCtx(context.get(), out.data(), out.size(), packed.data(), packed.size()) == out.size();
}

}  // namespace tidemill
