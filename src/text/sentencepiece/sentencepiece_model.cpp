#include "text/sentencepiece/sentencepiece_model.h"

#include <algorithm>
#include <utility>

#include "text/open_text.h"
#include "text/pieces/byte_tokens.h"
#include "text/pieces/space_symbol.h"
#include "text/pieces/token_table.h"
#include "text/pipeline.h"
#include "text/sentencepiece/piece_names.h"
#include "text/sentencepiece/sentencepiece_proto.h"
#include "text/sentencepiece/sentencepiece_stages.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Proto = SentencePieceProto;

// The control symbol of that name; -1: none.
int32_t control_id(const Proto& proto, std::string_view name) {
  const auto found = std::find_if(proto.pieces.begin(), proto.pieces.end(), [&](const Proto::Piece& piece) {
    return piece.type == TokenType::control && piece.text == name;
  });
  return found == proto.pieces.end() ? -1 : static_cast<int32_t>(found - proto.pieces.begin());
}

// What each piece is decoded to; bytes to themselves.
TokenStrings decoded_texts(const Proto& proto) {
  std::vector<std::string> texts;
  for (const Proto::Piece& piece : proto.pieces) {
    switch (piece.type) {
      case TokenType::control:
        texts.emplace_back();
        break;
      case TokenType::unknown:
        texts.emplace_back(proto.unknown_surface);
        break;
      case TokenType::byte:
        texts.emplace_back(1, static_cast<char>(byte_of_token(piece.text).value_or(0)));
        break;
      default:
        texts.push_back(unescape_spaces(piece.text));
    }
  }
  return TokenStrings(std::vector<std::string_view>(texts.begin(), texts.end()));
}

// Types whose names are what they are decoded to.
bool is_text(TokenType type) {
  return type == TokenType::normal || type == TokenType::user_defined || type == TokenType::unused;
}

// Encoding is a pipeline's; decoding goes by the types of pieces, which names do not tell.
class SentencePieceTokenizer final : public Tokenizer, public OpensTexts {
 public:
  SentencePieceTokenizer(const Proto& proto, std::shared_ptr<const Tokenizer> encoder, const std::string& source)
      : encoder_(std::move(encoder)),
        texts_(decoded_texts(proto)),
        bos_(control_id(proto, proto.bos_piece)),
        strips_first_space_(proto.normalizer.add_dummy_prefix || proto.normalizer.remove_extra_whitespaces),
        strips_first_spaces_(proto.normalizer.remove_extra_whitespaces) {
    for (const Proto::Piece& piece : proto.pieces) {
      types_.push_back(piece.type);
      begins_with_space_.push_back(is_text(piece.type) && piece.text.starts_with(kSpaceSymbol));
    }
    if (const int32_t eos = control_id(proto, proto.eos_piece); eos >= 0) stop_ids_.push_back(eos);
    denormalizer_ = make_text_denormalizer(proto, source + ": denormalizer_spec");
  }

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options,
                              std::vector<TokenSpan>* spans) const override {
    return encoder_->encode(text, options, spans);
  }
  void append_ids(std::string_view text, std::vector<int32_t>& ids, const EncodeOptions& options) const override {
    encoder_->append_ids(text, ids, options);
  }
  size_t encode_into(std::string_view text, std::span<int32_t> ids, const EncodeOptions& options) const override {
    return encoder_->encode_into(text, ids, options);
  }
  std::vector<std::string_view> cut(std::string_view text, size_t n_parts) const override {
    return encoder_->cut(text, n_parts);
  }
  std::unique_ptr<OpenText> open(std::string_view text, size_t n_parts, SpecialText special_text) const override {
    const auto* const opens = dynamic_cast<const OpensTexts*>(encoder_.get());
    return opens ? opens->open(text, n_parts, special_text) : nullptr;
  }
  Encoding encode_full(std::string_view text, const EncodeOptions& options) const override {
    return encoder_->encode_full(text, options);
  }
  Encoding encode_pair(std::string_view first, std::string_view second, const EncodeOptions& options) const override {
    return encoder_->encode_pair(first, second, options);
  }

  std::string decode(std::span<const int32_t> ids, bool) const override {
    std::string text;
    std::string bytes;      // of the run of byte pieces that is being read
    bool may_strip = true;  // no text yet, and no space was stripped
    bool stripped = false;
    for (const int32_t id : ids) {
      check_id(id);
      if (types_[id] == TokenType::byte) {
        bytes += texts_[id];
        continue;
      }
      end_byte_run(bytes, text);
      if (stripped || !text.empty()) may_strip = false;
      const bool strip = may_strip && strips_first_space_ && begins_with_space_[id];
      stripped = strip && !strips_first_spaces_;
      text += texts_[id].substr(strip ? 1 : 0);
    }
    end_byte_run(bytes, text);
    return denormalizer_ ? denormalized(text) : text;
  }

  int32_t vocab_size() const override { return texts_.size(); }

  std::string_view token_bytes(int32_t id, bool) const override {
    check_id(id);
    return texts_[id];
  }

  std::string_view token_name(int32_t id) const override { return encoder_->token_name(id); }
  int32_t token_id(std::string_view name) const override { return encoder_->token_id(name); }

  bool is_special(int32_t id) const override {
    check_id(id);
    return types_[id] == TokenType::control;
  }

  std::span<const int32_t> stop_ids() const override { return stop_ids_; }
  int32_t bos_id() const override { return bos_; }
  CacheStatistics cache_statistics() const override { return encoder_->cache_statistics(); }

 private:
  void check_id(int32_t id) const {
    if (id >= 0 && id < texts_.size()) return;
    throw Error(ErrorCode::invalid_argument, "token id " + std::to_string(id) + ": the vocabulary has ids 0 to " +
                                                 std::to_string(texts_.size() - 1));
  }

  // Bytes that are no character become one U+FFFD each.
  static void end_byte_run(std::string& bytes, std::string& text) {
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const Utf8Step step = utf8_step(rest);
      text += step.valid ? rest.substr(0, step.n_bytes) : kReplacementCharacter;
      rest.remove_prefix(step.valid ? step.n_bytes : 1);
    }
    bytes.clear();
  }

  std::string denormalized(const std::string& text) const {
    NormalizedText result(text, NormalizedText::Track::no);
    denormalizer_->apply(result);
    return std::string(result.text());
  }

  std::shared_ptr<const Tokenizer> encoder_;
  TokenStrings texts_;  // what each piece is decoded to
  std::vector<TokenType> types_;
  std::vector<bool> begins_with_space_;
  std::unique_ptr<const Normalizer> denormalizer_;  // null: none
  std::vector<int32_t> stop_ids_;
  int32_t bos_;
  bool strips_first_space_;   // of decoded text
  bool strips_first_spaces_;  // as long as there is no text, of every piece
};

}  // namespace

std::shared_ptr<const Tokenizer> make_sentencepiece_tokenizer(std::string_view bytes, const std::string& source,
                                                              const SentencePieceAdditions& additions,
                                                              const TokenizerOptions& options) {
  const Proto proto = read_sentencepiece_proto(bytes, source);
  PipelineParts parts;
  parts.normalizer = make_text_normalizer(proto, source + ": normalizer_spec");
  const std::optional<RawText> raw = raw_text_of(proto);
  const auto names = std::make_shared<const TokenStrings>(names_of(proto));
  parts.model = make_sentencepiece_pieces(proto, names, raw ? &*raw : nullptr, source);
  parts.cuts = find_text_cuts(proto, *names);
  TemplatePiece bos{.ids = {control_id(proto, proto.bos_piece)}};
  TemplatePiece eos{.ids = {control_id(proto, proto.eos_piece)}};
  if (!additions.add_bos || bos.ids[0] < 0) bos.ids.clear();
  if (!additions.add_eos || eos.ids[0] < 0) eos.ids.clear();
  if (!bos.ids.empty() || !eos.ids.empty()) {
    const TemplatePiece first{.sequence = 0, .ids = {}};
    const TemplatePiece second{.sequence = 1, .ids = {}};
    parts.post_processor = make_template_processing({bos, first, eos}, {bos, first, eos, bos, second, eos});
  }
  auto encoder = make_pipeline(std::move(parts), options);
  return std::make_shared<SentencePieceTokenizer>(proto, std::move(encoder), source);
}

bool is_sentencepiece_model(std::string_view bytes) {
  // The first field is a piece, and the first field of that its text, which is shorter.
  constexpr char kBytesField1 = 1 << 3 | 2;
  if (bytes.size() < 5 || bytes[0] != kBytesField1 || bytes[2] != kBytesField1) return false;
  return bytes[3] > 0 && bytes[3] + 2 <= bytes[1];
}

}  // namespace tidemill
