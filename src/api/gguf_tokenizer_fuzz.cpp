// Fuzz target: any bytes as a GGUF file with a tokenizer.  Build: ./dev fuzz gguf_tokenizer.
//
// What is read must encode any text, and the ids that it gives must have names, decode, and stream to the same text.
// Seeds: tests/fuzz/corpus/gguf_tokenizer, made by tests/fuzz/make_gguf_tokenizer_corpus.py.
#include <cstdlib>
#include <string>

#include "api/gguf_tokenizer.h"
#include "formats/fuzz_bytes.h"
#include "text/unicode/utf8.h"

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
  // invalid_argument: a Unigram vocabulary without the unknown token, for a text that needs it.
  const auto refusals = {ErrorCode::bad_file, ErrorCode::unsupported, ErrorCode::invalid_argument};
  return fuzz_bytes(data, size, refusals, [](std::span<const std::byte> bytes) {
    use(*tokenizer_of(GgufFile::from_memory(bytes, "fuzz.gguf")));
  });
}
