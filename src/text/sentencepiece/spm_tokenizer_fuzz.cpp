// Fuzz target: any text, with a vocabulary that the input extends.  Build: ./dev fuzz spm_tokenizer.
//
// Input: one byte of options; lines of further tokens, each after a digit for its type; an empty line; the text.
// Checked: ids are those of the oracle, spans cover the text in order, decoding gives the text back, and streamed
// pieces are whole UTF-8 and add up.

#include <cstdlib>

#include "text/sentencepiece/spm_oracle.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Cuts the next line off `input`.
std::string_view next_line(std::string_view& input) {
  const size_t size = std::min(input.find('\n'), input.size());
  const std::string_view line = input.substr(0, size);
  input.remove_prefix(std::min(size + 1, input.size()));
  return line;
}

std::string with_plain_spaces(std::string text) {
  constexpr std::string_view kSpace = "\u2581";
  for (size_t pos = 0; (pos = text.find(kSpace, pos)) != text.npos;) text.replace(pos, kSpace.size(), 1, ' ');
  return text;
}

void check(const std::shared_ptr<const Tokenizer>& tokenizer, const SpmVocab& vocab, std::string_view text,
           bool parse_special_tokens) {
  std::vector<TokenSpan> spans;
  const EncodeOptions options{.add_special_tokens = false,
                              .special_text = parse_special_tokens ? SpecialText::parse : SpecialText::as_text};
  const std::vector<int32_t> ids = tokenizer->encode(text, options, &spans);
  require(spans.size() == ids.size());
  int64_t end = 0;
  for (const TokenSpan& span : spans) {
    require(span.begin <= end && span.end >= end);
    end = span.end;
  }
  require(end == static_cast<int64_t>(text.size()));
  if (text.size() < 300) require(ids == SpmOracle(vocab).encode(text, parse_special_tokens));
  const std::string decoded = tokenizer->decode(ids);
  if (!parse_special_tokens) require(decoded == with_plain_spaces(replace_invalid_utf8(text)));
  StreamDecoder stream(tokenizer);
  std::string streamed;
  for (const int32_t id : ids) {
    const std::string piece = stream.push(id);
    require(is_utf8(piece));
    streamed += piece;
  }
  require(streamed + stream.finish() == decoded);
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  if (size == 0) return 0;
  OracleVocab v = little_gemma();
  v.use_space_prefix(data[0] & 1);
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (std::string_view line = next_line(input); !line.empty(); line = next_line(input)) {
    const int type = line[0] - '0';
    const std::string token(line.substr(1));
    if (type == 7) v.add_reserved(token);
    if (type >= 1 && type <= 5) v.add(token, static_cast<TokenType>(type), static_cast<float>(line.size() % 5));
  }
  std::shared_ptr<const Tokenizer> tokenizer;
  try {
    tokenizer = v.make();
  } catch (const Error&) {  // a token twice, or not UTF-8
    return 0;
  }
  check(tokenizer, v.vocab, input, data[0] & 2);
  return 0;
}
