// Both directions go by tiles: where lines are rows of the one side and columns of the other, a walk along either would
// touch a line of cache for every code.
#include "formats/packed_codes.h"

#include <algorithm>
#include <cstring>

namespace tidemill {
namespace {

constexpr int64_t kTile = 64;  // lines, and codes; a multiple of what any word holds but for codes that cross

int codes_per_word(const CodeLayout& layout) {
  return 32 / layout.bits;
}

bool crosses(const CodeLayout& layout) {
  return layout.order == CodeOrder::stream && 32 % layout.bits != 0;
}

uint32_t word_at(const void* words, int64_t index) {
  uint32_t word;
  std::memcpy(&word, static_cast<const std::byte*>(words) + index * 4, sizeof word);
  return word;
}

// Where in a word its code i stands.
int shift_of(const CodeLayout& layout, int i) {
  if (layout.order != CodeOrder::awq_gemm) return i * layout.bits;
  return static_cast<int>(std::find(std::begin(kAwqOrder), std::end(kAwqOrder), i) - std::begin(kAwqOrder)) * 4;
}

// Codes of a line that may cross from word to word.
void unpack_stream(const CodeLayout& layout, const void* words, int64_t line, uint8_t* out, int64_t code_step) {
  uint64_t bits = 0;
  int n_bits = 0;
  int64_t at = line * layout.line_stride;
  for (int64_t i = 0; i < layout.n_codes; ++i) {
    if (n_bits < layout.bits) {
      bits |= uint64_t{word_at(words, at)} << n_bits;
      n_bits += 32;
      at += layout.word_stride;
    }
    out[i * code_step] = static_cast<uint8_t>(bits & ((1u << layout.bits) - 1));
    bits >>= layout.bits;
    n_bits -= layout.bits;
  }
}

// Calls visit(line, first word, end of words) for tiles that together are all.
template <typename Visit>
void for_each_tile(const CodeLayout& layout, const Visit& visit) {
  const int64_t n_words = CodeLayout::n_words(layout.order, layout.bits, layout.n_codes);
  const int64_t step = kTile / codes_per_word(layout) + 1;
  for (int64_t line = 0; line < layout.n_lines; line += kTile) {
    for (int64_t word = 0; word < n_words; word += step) {
      visit(line, std::min(line + kTile, layout.n_lines), word, std::min(word + step, n_words));
    }
  }
}

}  // namespace

int64_t CodeLayout::n_words(CodeOrder order, int bits, int64_t n) {
  if (order == CodeOrder::stream) return (n * bits + 31) / 32;
  const int per_word = 32 / bits;
  return (n + per_word - 1) / per_word;
}

void unpack_codes(const CodeLayout& layout, const void* words, uint8_t* out, int64_t line_step, int64_t code_step) {
  if (crosses(layout)) {
    for (int64_t line = 0; line < layout.n_lines; ++line)
      unpack_stream(layout, words, line, out + line * line_step, code_step);
    return;
  }
  const int per_word = codes_per_word(layout);
  const uint32_t mask = (1u << layout.bits) - 1;
  int shifts[16];
  for (int i = 0; i < per_word; ++i) shifts[i] = shift_of(layout, i);
  for_each_tile(layout, [&](int64_t begin, int64_t end, int64_t first, int64_t last) {
    for (int64_t w = first; w < last; ++w) {
      const auto n = static_cast<int>(std::min<int64_t>(per_word, layout.n_codes - w * per_word));
      uint8_t* const to = out + begin * line_step + w * per_word * code_step;
      uint32_t tile[kTile];
      for (int64_t line = begin; line < end; ++line)
        tile[line - begin] = word_at(words, line * layout.line_stride + w * layout.word_stride);
      const int64_t n_lines = end - begin;
      if (line_step == 1) {  // stores of neighbours, which compilers make vectors of
        for (int i = 0; i < n; ++i) {
          for (int64_t l = 0; l < n_lines; ++l)
            to[i * code_step + l] = static_cast<uint8_t>(tile[l] >> shifts[i] & mask);
        }
      } else {
        for (int64_t l = 0; l < n_lines; ++l) {
          for (int i = 0; i < n; ++i)
            to[l * line_step + i * code_step] = static_cast<uint8_t>(tile[l] >> shifts[i] & mask);
        }
      }
    }
  });
}

void pack_codes(const CodeLayout& layout, const uint8_t* codes, int64_t line_step, int64_t code_step,
                std::span<uint32_t> words) {
  std::ranges::fill(words, 0u);
  const int per_word = codes_per_word(layout);
  for (int64_t line = 0; line < layout.n_lines; ++line) {
    const auto word = [&](int64_t w) -> uint32_t& {
      return words[static_cast<size_t>(line * layout.line_stride + w * layout.word_stride)];
    };
    for (int64_t i = 0; i < layout.n_codes; ++i) {
      const uint32_t code = codes[line * line_step + i * code_step];
      if (!crosses(layout)) {
        word(i / per_word) |= code << shift_of(layout, static_cast<int>(i % per_word));
        continue;
      }
      const int64_t bit = i * layout.bits;
      const auto shift = static_cast<int>(bit % 32);
      word(bit / 32) |= code << shift;
      if (shift + layout.bits > 32) word(bit / 32 + 1) |= code >> (32 - shift);
    }
  }
}

}  // namespace tidemill
