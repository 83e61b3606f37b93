// Fuzz target: any pattern on any text.  Build: ./dev fuzz regex_fuzz.
//
// Input: the pattern; a line feed; the text.
// Checked: a pattern is refused or works; matches are in order and cut no character; pieces of Split cover the text,
// and are the same however few are asked for at once.

#include <algorithm>
#include <cstdlib>

#include "text/pre_tokenizers/pre_tokenizers.h"
#include "text/regex/regex.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr size_t kMaxPattern = 200, kMaxText = 80;  // a bad pattern may take its ten million steps at every character

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_start(std::string_view text, size_t pos) {
  return pos == text.size() || (static_cast<uint8_t>(text[pos]) & 0xC0) != 0x80;
}

void check_matches(const Regex& regex, std::string_view text) {
  RegexMatches matches(regex, text);
  size_t end = 0;
  while (const auto match = matches.next()) {
    require(end <= match->begin && match->begin <= match->end && match->end <= text.size());
    require(is_start(text, match->begin) && is_start(text, match->end));
    end = match->end;
  }
}

std::vector<ByteRange> split(const Splitter& splitter, std::string_view text, size_t max_pieces) {
  std::vector<ByteRange> pieces;
  for (size_t pos = 0; pos < text.size();) {
    const size_t next = splitter.split(text, pos, max_pieces, pieces);
    require(next <= text.size());
    pos = next;
  }
  return pieces;
}

void check_pieces(std::string_view pattern, std::string_view text) {
  const PreTokenizerPtr isolated = make_split_regex(pattern, {.behavior = SplitBehavior::isolated}, "fuzz");
  const std::vector<ByteRange> pieces = split(*isolated->as_splitter(), text, 1000);
  size_t end = 0;
  for (const ByteRange piece : pieces) {
    require(piece.begin == end && piece.begin < piece.end);
    end = piece.end;
  }
  require(end == text.size());
  const std::vector<ByteRange> others = split(*isolated->as_splitter(), text, 1);
  require(std::equal(pieces.begin(), pieces.end(), others.begin(), others.end(),
                     [](ByteRange x, ByteRange y) { return x.begin == y.begin && x.end == y.end; }));
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string_view pattern = input.substr(0, line);
  const std::string text = replace_invalid_utf8(input.substr(std::min(line + 1, input.size())));
  if (pattern.size() > kMaxPattern || text.size() > kMaxText) return 0;
  try {
    const Regex regex(pattern, "fuzz");
    check_matches(regex, text);
    check_pieces(pattern, text);
  } catch (const Error&) {  // malformed, or too slow
  }
  return 0;
}
