// The codecs of Parquet's pages.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "formats/parquet_file.h"

namespace tidemill {

const char* to_string(ParquetCodec codec);  // "snappy"

// Memory that is taken as it is written to, so that what a hostile file claims costs nothing.
class PageBuffer {
 public:
  // Makes room for so many bytes; what was there is gone.  Throws bad_alloc.
  std::span<std::byte> resize(size_t n_bytes);
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Whether `packed` gives exactly as many bytes as `out` holds.  Throws unsupported for a codec that is not known here.
bool decompress(ParquetCodec codec, std::span<const std::byte> packed, std::span<std::byte> out);

}  // namespace tidemill
