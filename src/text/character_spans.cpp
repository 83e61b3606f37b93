#include <algorithm>

#include "text/unicode/utf8.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

// Walks over a text and knows how many characters begin before a byte.  Tokens come in order, or nearly so: going on
// is cheap, going back starts anew.
class CharacterCounter {
 public:
  explicit CharacterCounter(std::string_view text) : text_(text) {}

  // The number of the character that byte `at` belongs to; past the end, how many there are.
  int64_t containing(size_t at) {
    if (at < begin_) begin_ = 0, number_ = 0;
    while (begin_ < text_.size()) {
      const size_t end = begin_ + utf8_step(text_.substr(begin_)).n_bytes;
      if (at < end) break;
      begin_ = end;
      ++number_;
    }
    return number_;
  }

 private:
  std::string_view text_;
  size_t begin_ = 0;    // where a character begins
  int64_t number_ = 0;  // of that character
};

}  // namespace

std::vector<TokenSpan> character_spans(std::string_view text, std::span<const TokenSpan> spans) {
  std::vector<TokenSpan> result;
  result.reserve(spans.size());
  CharacterCounter begins(text);
  CharacterCounter ends(text);
  for (const TokenSpan& span : spans) {
    const int64_t begin = begins.containing(static_cast<size_t>(span.begin));
    const bool empty = span.end <= span.begin;
    result.push_back({begin, empty ? begin : ends.containing(static_cast<size_t>(span.end - 1)) + 1});
  }
  return result;
}

}  // namespace tidemill
