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

#include "text/normalizers/normalizers.h"
#include "text/pre_tokenizers/pre_tokenizers.h"
#include "text/readers/base64.h"
#include "text/sentencepiece/charsmap.h"
#include "text/unicode/code_points.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Json = nlohmann::json;

NormalizerPtr read_normalizer(const Json& stage) {
  const std::string type = stage.at("type");
  if (type == "NFC") return make_normal_form(NormalForm::nfc);
  if (type == "NFD") return make_normal_form(NormalForm::nfd);
  if (type == "NFKC") return make_normal_form(NormalForm::nfkc);
  if (type == "NFKD") return make_normal_form(NormalForm::nfkd);
  if (type == "Lowercase") return make_lowercase();
  if (type == "StripAccents") return make_strip_accents();
  if (type == "ByteLevel") return make_byte_level_normalizer();
  if (type == "Nmt") return make_nmt();
  if (type == "Prepend") return make_prepend(stage.at("prepend"));
  if (type == "Strip") return make_strip({.left = stage.at("strip_left"), .right = stage.at("strip_right")});
  if (type == "Replace") {
    const Json& pattern = stage.at("pattern");
    if (pattern.contains("String")) return make_replace_string(pattern["String"], stage.at("content"));
    return make_replace_regex(pattern.at("Regex").get<std::string>(), stage.at("content"), "pattern");
  }
  if (type == "Precompiled") {
    const auto blob = decode_base64(stage.at("precompiled_charsmap").get<std::string>());
    return make_precompiled(blob.value(), "precompiled_charsmap");
  }
  if (type == "BertNormalizer") {
    BertOptions options{.clean_text = stage.at("clean_text"),
                        .handle_chinese_chars = stage.at("handle_chinese_chars"),
                        .strip_accents = {},
                        .lowercase = stage.at("lowercase")};
    if (!stage.at("strip_accents").is_null()) options.strip_accents = stage.at("strip_accents").get<bool>();
    return make_bert_normalizer(options);
  }
  if (type != "Sequence") throw std::invalid_argument(type);
  std::vector<NormalizerPtr> parts;
  for (const Json& part : stage.at("normalizers")) parts.push_back(read_normalizer(part));
  return make_normalizer_sequence(std::move(parts));
}

SplitBehavior read_behavior(const std::string& name) {
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  throw std::invalid_argument(name);
}

char32_t read_character(const std::string& text) {
  size_t pos = 0;
  return next_code_point(text, pos);
}

PreTokenizerPtr read_metaspace(const Json& stage) {
  const std::string scheme = stage.value("prepend_scheme", "always");
  return make_metaspace({.replacement = read_character(stage.at("replacement")),
                         .prepend = scheme == "always"  ? PrependScheme::always
                                    : scheme == "first" ? PrependScheme::first
                                                        : PrependScheme::never,
                         .split = stage.value("split", true)});
}

PreTokenizerPtr read_pre_tokenizer(const Json& stage) {
  const std::string type = stage.at("type");
  if (type == "Whitespace") return make_whitespace();
  if (type == "WhitespaceSplit") return make_whitespace_split();
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "Punctuation") return make_punctuation(read_behavior(stage.at("behavior")));
  if (type == "CharDelimiterSplit") return make_char_delimiter_split(read_character(stage.at("delimiter")));
  if (type == "Digits") {
    return make_digits(stage.at("individual_digits") ? DigitRuns::single_digits : DigitRuns::whole);
  }
  if (type == "UnicodeScripts") return make_unicode_scripts();
  if (type == "FixedLength") return make_fixed_length(stage.at("length"), "length");
  if (type == "Metaspace") return read_metaspace(stage);
  if (type == "ByteLevel") {
    return make_byte_level(
        {.add_prefix_space = stage.at("add_prefix_space"), .use_regex = stage.value("use_regex", true)});
  }
  if (type == "Split") {
    const SplitOptions options{.behavior = read_behavior(stage.at("behavior")), .invert = stage.at("invert")};
    const Json& pattern = stage.at("pattern");
    if (pattern.contains("String")) return make_split_string(pattern["String"], options);
    return make_split_regex(pattern.at("Regex").get<std::string>(), options, "pattern");
  }
  if (type != "Sequence") throw std::invalid_argument(type);
  std::vector<PreTokenizerPtr> parts;
  for (const Json& part : stage.at("pretokenizers")) parts.push_back(read_pre_tokenizer(part));
  return make_pre_tokenizer_sequence(std::move(parts));
}

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
  const NormalizerPtr normalizer = line.contains("normalizer") ? read_normalizer(line["normalizer"]) : nullptr;
  const PreTokenizerPtr pre_tokenizer =
      line.contains("pre_tokenizer") ? read_pre_tokenizer(line["pre_tokenizer"]) : nullptr;
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
