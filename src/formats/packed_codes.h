// Codes of 2 to 8 bits in 32-bit words, as AWQ, GPTQ and compressed-tensors lay them.
#pragma once

#include <cstdint>
#include <span>

namespace tidemill {

// How codes follow each other in the words of a line.
enum class CodeOrder : uint8_t {
  stream,    // bit after bit, lowest first; codes of 3 bits cross from word to word (GPTQ, compressed-tensors)
  whole,     // as many as a word has room for, lowest first, high bits left over (older compressed-tensors)
  awq_gemm,  // eight of 4 bits, of which nibble i is code kAwqOrder[i]
};

inline constexpr int kAwqOrder[8] = {0, 2, 4, 6, 1, 3, 5, 7};

// A matrix [n_lines, n_codes]; a line's words, and the lines, stand at any distance.
struct CodeLayout {
  int bits;
  CodeOrder order;
  int64_t n_lines, n_codes;
  int64_t line_stride, word_stride;  // in words

  // Words that n codes take.
  static int64_t n_words(CodeOrder order, int bits, int64_t n);
};

// Code (line, i) becomes out[line * line_step + i * code_step].  `words` are those of the layout, all of them there; at
// any address.
void unpack_codes(const CodeLayout& layout, const void* words, uint8_t* out, int64_t line_step, int64_t code_step);

// The other way round; `words` are overwritten, and bits that no code uses are 0.  Codes are below 2^bits.
void pack_codes(const CodeLayout& layout, const uint8_t* codes, int64_t line_step, int64_t code_step,
                std::span<uint32_t> words);

}  // namespace tidemill
