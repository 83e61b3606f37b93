// Fuzz target: any bytes as a GGUF file with a tokenizer.  Build: ./dev fuzz gguf_tokenizer.
//
// What is read must encode any text, and the ids that it gives must have names, decode, and stream to the same text.
// Seeds: tests/fuzz/corpus/gguf_tokenizer, made by tests/fuzz/make_gguf_tokenizer_corpus.py.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "api/gguf_tokenizer.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void use(const Tokenizer& tokenizer) {
  for (const std::string_view text :
       {std::string_view("The  tide\u2581mill <s>\n\n stood\xFF\xE2\x96 \u6f6e\u6c50 it's 42"),
        std::string_view("aaaaaaaaaaaaaaaaaaaa"), std::string_view()}) {
    const Encoding encoding = tokenizer.encode_full(text, {.special_text = SpecialText::parse});
    require(encoding.spans.size() == encoding.ids.size());
    for (const TokenSpan& span : encoding.spans) {
      require(0 <= span.begin && span.begin <= span.end && span.end <= static_cast<int64_t>(text.size()));
    }
    for (const int32_t id : encoding.ids) tokenizer.token_name(id);
    require(is_utf8(tokenizer.decode(encoding.ids)));
    require(tokenizer.encode(text, {.special_text = SpecialText::parse}) == encoding.ids);
  }
  for (const int32_t id : tokenizer.stop_ids()) tokenizer.is_special(id);
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  // A copy begins at a multiple of 16, as a mapped file does.
  const auto copy = std::make_unique<std::byte[]>(size);
  if (size > 0) std::memcpy(copy.get(), data, size);
  try {
    const auto tokenizer = tokenizer_of(GgufFile::from_memory({copy.get(), size}, "fuzz.gguf"));
    use(*tokenizer);
  } catch (const Error& error) {
    // invalid_argument: a Unigram vocabulary without the unknown token, for a text that needs it.
    const ErrorCode code = error.code();
    if (code != ErrorCode::bad_file && code != ErrorCode::unsupported && code != ErrorCode::invalid_argument) throw;
  }
  return 0;
}
