#include "text/normalizers/normalizers.h"
#include "text/readers/base64.h"
#include "text/readers/json_sequence.h"
#include "text/readers/json_stages.h"
#include "text/sentencepiece/charsmap.h"

namespace tidemill {
namespace {

using nlohmann::json;

NormalizerPtr make_replace(const JsonFields& fields, const std::string& where) {
  const std::string pattern_where = where + ".pattern";
  const JsonFields pattern(fields.object("pattern"), pattern_where);
  std::string content = fields.text("content");
  if (pattern.has("String")) return make_replace_string(pattern.text("String"), std::move(content));
  return make_replace_regex(pattern.text("Regex"), std::move(content), pattern_where + ".Regex");
}

NormalizerPtr make_bert(const JsonFields& fields) {
  BertOptions options{.clean_text = fields.boolean_or("clean_text", true),
                      .handle_chinese_chars = fields.boolean_or("handle_chinese_chars", true),
                      .strip_accents = {},
                      .lowercase = fields.boolean_or("lowercase", true)};
  if (fields.has("strip_accents")) options.strip_accents = fields.boolean("strip_accents");
  return make_bert_normalizer(options);
}

NormalizerPtr make_charsmap(const JsonFields& fields) {
  const std::optional<std::string> blob = decode_base64(fields.text("precompiled_charsmap"));
  if (!blob) fields.fail("precompiled_charsmap", "is not base64");
  return make_precompiled(*blob, fields.where() + ".precompiled_charsmap");
}

}  // namespace

std::unique_ptr<const Normalizer> normalizer_from_json(const json& value, const std::string& where) {
  if (value.is_null()) return nullptr;
  const JsonFields fields(value, where);
  const std::string type = fields.text("type");
  if (type == "NFC") return make_normal_form(NormalForm::nfc);
  if (type == "NFD") return make_normal_form(NormalForm::nfd);
  if (type == "NFKC") return make_normal_form(NormalForm::nfkc);
  if (type == "NFKD") return make_normal_form(NormalForm::nfkd);
  if (type == "Lowercase") return make_lowercase();
  if (type == "StripAccents") return make_strip_accents();
  if (type == "Nmt") return make_nmt();
  if (type == "ByteLevel") return make_byte_level_normalizer();
  if (type == "Strip")
    return make_strip({.left = fields.boolean("strip_left"), .right = fields.boolean("strip_right")});
  if (type == "Prepend") return make_prepend(fields.text("prepend"));
  if (type == "Replace") return make_replace(fields, where);
  if (type == "BertNormalizer") return make_bert(fields);
  if (type == "Precompiled") return make_charsmap(fields);
  if (type == "Sequence") {
    auto normalizers = stages_from_json(fields, "normalizers", normalizer_from_json);
    std::erase(normalizers, nullptr);
    return make_normalizer_sequence(std::move(normalizers));
  }
  fields.fail_unsupported("type", "is '" + type + "', which is not known");
}

}  // namespace tidemill
