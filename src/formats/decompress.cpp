#include "formats/decompress.h"

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstring>

#include "tidemill/error.h"

namespace tidemill {
namespace {

bool unpack_snappy(std::span<const std::byte> packed, std::span<std::byte> out) {
  const auto* const data = reinterpret_cast<const char*>(packed.data());
  size_t n_bytes = 0;
  if (snappy_uncompressed_length(data, packed.size(), &n_bytes) != SNAPPY_OK || n_bytes != out.size()) return false;
  return snappy_uncompress(data, packed.size(), reinterpret_cast<char*>(out.data()), &n_bytes) == SNAPPY_OK &&
         n_bytes == out.size();
}

bool unpack_zstd(std::span<const std::byte> packed, std::span<std::byte> out) {
  return ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size()) == out.size();
}

// Also zlib's own format, which some writers give.  Sizes are those of pages, below 2 GiB.
bool unpack_gzip(std::span<const std::byte> packed, std::span<std::byte> out) {
  z_stream stream{};
  constexpr int kAnyHeader = 15 + 32;
  if (inflateInit2(&stream, kAnyHeader) != Z_OK) throw std::bad_alloc();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool is_whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  return is_whole;
}

}  // namespace

const char* to_string(ParquetCodec codec) {
  constexpr std::array kNames = {"none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw"};
  return kNames[static_cast<size_t>(codec)];
}

std::span<std::byte> PageBuffer::resize(size_t n_bytes) {
  if (n_bytes > capacity_) {
    data_.reset();
    data_.reset(new std::byte[n_bytes]);  // make_unique would write zeros
    capacity_ = n_bytes;
  }
  size_ = n_bytes;
  return {data_.get(), size_};
}

bool decompress(ParquetCodec codec, std::span<const std::byte> packed, std::span<std::byte> out) {
  switch (codec) {
    case ParquetCodec::none:
      if (packed.size() != out.size()) return false;
      if (!out.empty()) std::memcpy(out.data(), packed.data(), out.size());
      return true;
    case ParquetCodec::snappy:
      return unpack_snappy(packed, out);
    case ParquetCodec::gzip:
      return unpack_gzip(packed, out);
    case ParquetCodec::zstd:
      return unpack_zstd(packed, out);
    default:
      throw Error(ErrorCode::unsupported, std::string("codec ") + to_string(codec));
  }
}

}  // namespace tidemill
