// Fuzz target: any bytes as a SentencePiece .model file.  Build: ./dev fuzz sentencepiece_model_fuzz.
//
// Input: the file; what follows the last zero byte is the text.  Checked: a file is refused as bad or unsupported or
// encodes the text; the same ids come with and without spans, from a fresh tokenizer and from one with a warm cache;
// spans lie in the text in order; ids decode.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "text/sentencepiece/sentencepiece_model.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<TokenSpan> spans;
  const std::vector<int32_t> ids = tokenizer.encode(text, {}, &spans);
  require(tokenizer.encode(text) == ids);
  require(tokenizer.count(text) == ids.size());
  require(spans.size() == ids.size());
  int64_t begin = 0;
  for (const TokenSpan& span : spans) {
    require(begin <= span.begin && span.begin <= span.end && span.end <= static_cast<int64_t>(text.size()));
    begin = span.begin;
  }
  require(is_utf8(tokenizer.decode(ids)));
  for (const int32_t id : ids) tokenizer.token_bytes(id);
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.rfind('\0');
  const std::string_view file = input.substr(0, split);
  const std::string_view text = split == input.npos ? std::string_view("a text") : input.substr(split + 1);
  is_sentencepiece_model(file);
  std::shared_ptr<const Tokenizer> tokenizer;
  try {
    tokenizer = make_sentencepiece_tokenizer(file, "fuzz.model", {}, {});
  } catch (const Error& error) {
    require(error.code() == ErrorCode::bad_file || error.code() == ErrorCode::unsupported);
    return 0;
  }
  check(*tokenizer, text);
  check(*tokenizer, "a text, aaaa \xE2\x96\x81\xE2\x96\x81 \xFF");
  return 0;
}
