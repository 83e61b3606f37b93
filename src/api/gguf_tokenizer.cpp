// Keys and defaults: ggml's docs/gguf.md and what llama.cpp writes and assumes for each kind of vocabulary.
#include "api/gguf_tokenizer.h"

#include <algorithm>

#include "api/gguf_description.h"
#include "api/gguf_fields.h"
#include "text/sentencepiece/spm_tokenizer.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using namespace gguf_tokenizer;

// Converters mark every token that looks special as control.  The published tokenizers of Gemma 1 to 3 say of these
// that they are found in text but stay text when decoded.
bool is_reserved(std::string_view token) {
  return token == "<mask>" || token == "<2mass>" || token == "[@BOS@]" ||
         (token.starts_with("<unused") && token.ends_with('>'));
}

// And these are special there, although files call them user-defined.
bool is_image_border(std::string_view token) {
  return token == "<start_of_image>" || token == "<end_of_image>";
}

// Gemma's end of turn has no key of its own.
void add_end_of_turn(const std::vector<SentencePieceProto::Piece>& pieces, std::vector<int32_t>& stop_ids) {
  for (size_t id = 0; id < pieces.size(); ++id) {
    const bool ends_turn = pieces[id].type == TokenType::control && pieces[id].text == "<end_of_turn>";
    if (!ends_turn) continue;
    stop_ids.push_back(static_cast<int32_t>(id));
    std::sort(stop_ids.begin(), stop_ids.end());
    stop_ids.erase(std::unique(stop_ids.begin(), stop_ids.end()), stop_ids.end());
  }
}

std::vector<SentencePieceProto::Piece> read_pieces(const GgufFile& file) {
  const StringList& tokens = read_tokens(file);
  const std::vector<float> scores = read_scores(file, tokens.size());
  const std::vector<TokenType> types = read_types(file, tokens.size());
  std::vector<SentencePieceProto::Piece> pieces;
  pieces.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    const bool is_special = types[id] == TokenType::user_defined && is_image_border(tokens[id]);
    pieces.push_back({tokens[id], scores[id], is_special ? TokenType::control : types[id]});
  }
  return pieces;
}

std::shared_ptr<const Tokenizer> make_spm_bpe(const GgufFile& file, const TokenizerOptions& options) {
  SpmVocab vocab;
  vocab.proto.kind = SentencePieceProto::Kind::bpe;
  vocab.proto.pieces = read_pieces(file);
  vocab.proto.symbols_spell_spaces = true;
  const std::vector<SentencePieceProto::Piece>& pieces = vocab.proto.pieces;
  vocab.proto.unknown = read_id(file, "unknown_token_id", pieces.size(), 0);
  vocab.proto.normalizer.add_dummy_prefix = file.boolean(kPrefix + "add_space_prefix").value_or(true);
  vocab.proto.normalizer.remove_extra_whitespaces = false;
  for (size_t id = 0; id < pieces.size(); ++id) {
    const bool reserved = pieces[id].type == TokenType::control && is_reserved(pieces[id].text);
    if (reserved) vocab.reserved.push_back(static_cast<int32_t>(id));
  }
  vocab.bos = read_id(file, "bos_token_id", pieces.size(), 1);
  vocab.eos = read_id(file, "eos_token_id", pieces.size(), 2);
  vocab.stop_ids = read_stop_ids(file, pieces.size(), vocab.eos);
  add_end_of_turn(pieces, vocab.stop_ids);
  vocab.add_bos = file.boolean(kPrefix + "add_bos_token").value_or(true);
  vocab.add_eos = file.boolean(kPrefix + "add_eos_token").value_or(false);
  return make_spm_tokenizer(vocab, file.path(), options);
}

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_of(const GgufFile& file, const TokenizerOptions& options) {
  const std::optional<std::string_view> kind = file.string(kPrefix + "model");
  if (!kind) bad_key(file, "model", "is missing, the file has no tokenizer");
  if (*kind == "llama") return make_spm_bpe(file, options);
  if (*kind == "gpt2") return build_tokenizer(describe_gguf_bpe(file), options);
  if (*kind == "bert") return build_tokenizer(describe_gguf_wordpiece(file), options);
  throw Error(ErrorCode::unsupported, file.path() + ": tokenizer.ggml.model is '" + std::string(*kind) +
                                          "'; llama, gpt2 and bert are read (docs/tokenizers.md)");
}

}  // namespace tidemill
