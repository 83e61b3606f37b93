// Normalizers and pre-tokenizers one by one, for tests in Python.
//
// Each line of stdin is {"normalizer": STAGE, "pre_tokenizer": STAGE, "text": T}, STAGE as tokenizer.json spells it or
// missing.  The answer is {"text": T', "copied": bool, "pieces": [[text, begin, end], ...]}; "offsets": true asks for
// "origins": [[begin, end] per byte of T'].  Offsets are bytes of T.  A stage that is refused: {"error": why}.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "text/normalized_text.h"
#include "text/readers/json_stages.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Json = nlohmann::json;

// A splitter must cut the same however few pieces are asked for at once.
void check_splitter(const Splitter& splitter, std::string_view text, const std::vector<ByteRange>& expected) {
  for (const size_t max_pieces : {1, 3, 1000000}) {
    std::vector<ByteRange> pieces;
    for (size_t pos = 0; pos < text.size();) pos = splitter.split(text, pos, max_pieces, pieces);
    const bool same = std::equal(pieces.begin(), pieces.end(), expected.begin(), expected.end(),
                                 [](ByteRange x, ByteRange y) { return x.begin == y.begin && x.end == y.end; });
    if (!same) throw std::logic_error("other pieces when cut block by block");
  }
}

std::vector<ByteRange> cut(const PreTokenizer* pre_tokenizer, NormalizedText& text) {
  std::vector<ByteRange> pieces;
  if (!text.text().empty()) pieces.push_back({0, static_cast<uint32_t>(text.text().size())});
  if (!pre_tokenizer) return pieces;
  pre_tokenizer->apply(text, pieces);
  if (pre_tokenizer->as_splitter()) check_splitter(*pre_tokenizer->as_splitter(), text.text(), pieces);
  return pieces;
}

Json origins_of(const NormalizedText& text) {
  Json origins = Json::array();
  for (uint32_t pos = 0; pos < text.text().size(); ++pos) {
    const TokenSpan span = text.origin({pos, pos + 1});
    origins.push_back({span.begin, span.end});
  }
  return origins;
}

Json answer(const Json& line) {
  const std::string source = line.at("text");
  const auto normalizer = normalizer_from_json(line.value("normalizer", Json()), "normalizer");
  const auto pre_tokenizer =
      pre_tokenizer_from_json(line.value("pre_tokenizer", Json()), "pre_tokenizer", Bytes::spelled);
  NormalizedText text(source, NormalizedText::Track::origins);
  NormalizedText untracked(source, NormalizedText::Track::no);
  if (normalizer) normalizer->apply(text);
  if (normalizer) normalizer->apply(untracked);
  const std::vector<ByteRange> pieces = cut(pre_tokenizer.get(), text);
  if (!pre_tokenizer || !pre_tokenizer->needs_origins()) {
    const bool same = cut(pre_tokenizer.get(), untracked).size() == pieces.size() && untracked.text() == text.text();
    if (!same) throw std::logic_error("something else without origins");
  }
  Json found = {{"text", text.text()}, {"copied", text.text().data() != source.data()}, {"pieces", Json::array()}};
  for (const ByteRange piece : pieces) {
    const TokenSpan span = text.origin(piece);
    found["pieces"].push_back({text.text().substr(piece.begin, piece.end - piece.begin), span.begin, span.end});
  }
  if (line.value("offsets", false)) found["origins"] = origins_of(text);
  return found;
}

}  // namespace
}  // namespace tidemill

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    nlohmann::json answer;
    try {
      answer = tidemill::answer(nlohmann::json::parse(line));
    } catch (const tidemill::Error& error) {
      answer = {{"error", error.what()}};
    }
    std::cout << answer.dump() << "\n";
  }
  return 0;
}
