// Reads tokenizer.json files, plain vocabularies and configurations made of anything, and encodes and decodes a text
// with what comes out.  Nothing but Error may be thrown.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "text/readers/tiktoken.h"
#include "text/readers/tokenizer_config.h"
#include "text/readers/tokenizer_json.h"
#include "text/readers/vocab_files.h"
#include "tidemill/error.h"

namespace {

using namespace tidemill;

constexpr std::string_view kText = "The tide  mill's <s>\u4f60\u597d \u00e9e\u0301 [MASK] 3.14\xE2\x96 \n";

void use(TokenizerDescription description) {
  const auto tokenizer = build_tokenizer(std::move(description), {.cache_bytes = 1 << 16});
  const Encoding encoding =
      tokenizer->encode_pair(kText, "mill", {.truncation = Truncation{.max_length = 40, .stride = 2}});
  for (const TokenSpan span : encoding.spans) {
    if (span.begin < 0 || span.begin > span.end || span.end > std::ssize(kText)) __builtin_trap();
  }
  tokenizer->decode(tokenizer->encode(kText));
}

template <typename Read>
void expect_errors_only(Read&& read) {
  try {
    read();
  } catch (const Error&) {  // refused
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  expect_errors_only([&] { use(read_tokenizer_json(text, "f")); });
  expect_errors_only([&] { use(read_vocab_txt(text, "f")); });
  expect_errors_only([&] { use(read_tiktoken(text, "cl100k_base.tiktoken", "f")); });
  const size_t half = size / 2;
  expect_errors_only([&] { use(read_vocab_and_merges(text.substr(0, half), text.substr(half), "f", "g")); });
  expect_errors_only([&] {
    TokenizerDescription description = read_vocab_txt("[UNK]\n<s>\n</s>\na\n", "v");
    TokenizerConfig config;
    config.read_tokenizer_config(text, "f");
    config.read_generation_config(text, "f");
    config.apply(description);
    use(std::move(description));
  });
  return 0;
}
