// Code of a block in which many elements changed: every difference is a symbol.
// Specification: docs/formats/delta_blocks.md, "Dense".
#pragma once

#include "compress/delta/contexts.h"
#include "compress/delta/rans.h"

namespace tidemill {

void encode_dense(const BlockShape& shape, const ContextChoice& choice, std::span<const uint8_t> symbols,
                  const std::byte* base, const std::byte* tuned, std::vector<std::byte>& code);

// A block that is being decoded, in two steps, so that the symbols of two blocks can be read at once.
class DenseDecoder {
 public:
  // Throws Error bad_file, as `finish` does.  All arguments outlive this.
  DenseDecoder(const BlockShape& shape, const std::byte* base, std::span<const std::byte> code, std::byte* out);

  RansSource symbols() { return {rans_, by_element_, tables_, symbols_}; }
  // When its symbols were read.
  void finish() const;

 private:
  const BlockShape& shape_;
  const std::byte* base_;
  std::byte* out_;
  Buffer<uint8_t> by_element_;  // tables
  Buffer<uint8_t> symbols_;
  std::vector<Frequencies> tables_;
  std::span<const std::byte> rans_;
  std::span<const std::byte> long_bits_;
};

}  // namespace tidemill
