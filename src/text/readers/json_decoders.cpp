#include "text/readers/json_sequence.h"
#include "text/readers/json_stages.h"

namespace tidemill {
namespace {

using nlohmann::json;

std::unique_ptr<const TokenDecoder> make_replace(const JsonFields& fields, const std::string& where) {
  const std::string pattern_where = where + ".pattern";
  const JsonFields pattern(fields.object("pattern"), pattern_where);
  if (pattern.has("String")) return make_replace_decoder(pattern.text("String"), fields.text("content"));
  return make_replace_regex_decoder(pattern.text("Regex"), fields.text("content"), pattern_where + ".Regex");
}

// Since tokenizers 0.15 prepend_scheme says what add_prefix_space said.
std::unique_ptr<const TokenDecoder> make_metaspace(const JsonFields& fields) {
  const bool prepended = fields.has("prepend_scheme") ? fields.text("prepend_scheme") != "never"
                                                      : fields.boolean_or("add_prefix_space", true);
  return make_metaspace_decoder(fields.text("replacement"), prepended);
}

constexpr int64_t kMaxStrip = 1 << 20;

std::unique_ptr<const TokenDecoder> make_strip(const JsonFields& fields) {
  return make_strip_decoder(fields.text("content"), static_cast<size_t>(fields.integer("start", 0, kMaxStrip)),
                            static_cast<size_t>(fields.integer("stop", 0, kMaxStrip)));
}

}  // namespace

std::unique_ptr<const TokenDecoder> decoder_from_json(const json& value, const std::string& where) {
  if (value.is_null()) return nullptr;
  const JsonFields fields(value, where);
  const std::string type = fields.text("type");
  if (type == "ByteLevel") return make_byte_level_decoder();
  if (type == "WordPiece") return make_wordpiece_decoder(fields.text("prefix"), fields.boolean_or("cleanup", true));
  if (type == "Metaspace") return make_metaspace(fields);
  if (type == "BPEDecoder") return make_bpe_decoder(fields.text("suffix"));
  if (type == "ByteFallback") return make_byte_fallback_decoder();
  if (type == "Fuse") return make_fuse_decoder();
  if (type == "Strip") return make_strip(fields);
  if (type == "Replace") return make_replace(fields, where);
  if (type == "CTC") {
    return make_ctc_decoder(fields.text("pad_token"), fields.text("word_delimiter_token"), fields.boolean("cleanup"));
  }
  if (type == "Sequence") return make_decoder_sequence(stages_from_json(fields, "decoders", decoder_from_json));
  fields.fail_unsupported("type", "is '" + type + "', which is not known");
}

}  // namespace tidemill
