// Fuzz target: any bytes as a precompiled character map.  Build: ./dev fuzz charsmap_fuzz.
//
// Input: the blob; what follows its last zero byte is the text.  Checked: a blob is refused as bad or normalizes the
// text; the result is UTF-8 and the same with and without origins, which lie in the text.

#include <cstdint>
#include <cstdlib>

#include "text/sentencepiece/charsmap.h"
#include "text/sentencepiece/sentencepiece_normalizer.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Normalizer& normalizer, std::string_view original) {
  NormalizedText text(original, NormalizedText::Track::origins);
  normalizer.apply(text);
  NormalizedText untracked(original, NormalizedText::Track::no);
  normalizer.apply(untracked);
  require(text.text() == untracked.text());
  require(is_utf8(text.text()));
  for (uint32_t pos = 0; pos < text.text().size(); ++pos) {
    const TokenSpan span = text.origin({pos, pos + 1});
    require(0 <= span.begin && span.begin <= span.end && span.end <= static_cast<int64_t>(original.size()));
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.rfind('\0');
  const std::string_view blob = split == input.npos ? input : input.substr(0, split + 1);
  const std::string text = replace_invalid_utf8(split == input.npos ? std::string_view() : input.substr(split + 1));
  try {
    check(*make_precompiled(blob, "fuzz"), text);
    const std::string_view symbols[] = {"ab", "\xE2\x96\x81"};
    for (const bool flag : {false, true}) {
      const WhitespaceRules rules{.add_dummy_prefix = flag, .remove_extra_whitespaces = !flag, .as_suffix = flag};
      check(*make_sentencepiece_normalizer(Charsmap(blob, "fuzz"), rules, symbols), text);
    }
  } catch (const Error& error) {
    require(error.code() == ErrorCode::bad_file);
  }
  return 0;
}
