// Normalizers and pre-tokenizers one by one, for tests in Python.
//
// Each line of stdin is {"normalizer": STAGE, "text": T}, STAGE as tokenizer.json spells it.  The answer is
// {"text": T', "copied": bool}; "offsets": true asks for "origins": [[begin, end] per byte of T'], in bytes of T.
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "text/normalizers/normalizers.h"

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
  if (type == "Replace") return make_replace_string(stage.at("pattern").at("String"), stage.at("content"));
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
  const NormalizerPtr normalizer = read_normalizer(line.at("normalizer"));
  NormalizedText text(source, NormalizedText::Track::origins);
  normalizer->apply(text);
  NormalizedText untracked(source, NormalizedText::Track::no);
  normalizer->apply(untracked);
  if (untracked.text() != text.text()) throw std::logic_error("another text without origins");
  Json found = {{"text", text.text()}, {"copied", text.text().data() != source.data()}};
  if (line.value("offsets", false)) found["origins"] = origins_of(text);
  return found;
}

}  // namespace
}  // namespace tidemill

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << tidemill::answer(nlohmann::json::parse(line)).dump() << "\n";
  return 0;
}
