// Keys and defaults: ggml's docs/gguf.md and what llama.cpp writes and assumes for each kind of vocabulary.
#include "api/gguf_spm_vocab.h"

#include <algorithm>
#include <utility>

#include "api/gguf_fields.h"

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
void add_end_of_turn(const HugeVector<SentencePieceProto::Piece>& pieces, std::vector<int32_t>& stop_ids) {
  for (size_t id = 0; id < pieces.size(); ++id) {
    const bool ends_turn = pieces[id].type == TokenType::control && pieces[id].text == "<end_of_turn>";
    if (!ends_turn) continue;
    stop_ids.push_back(static_cast<int32_t>(id));
    std::sort(stop_ids.begin(), stop_ids.end());
    stop_ids.erase(std::unique(stop_ids.begin(), stop_ids.end()), stop_ids.end());
  }
}

HugeVector<SentencePieceProto::Piece> read_pieces(const GgufFile& file) {
  const StringList& tokens = read_tokens(file);
  const std::vector<float> scores = read_scores(file, tokens.size());
  const std::vector<TokenType> types = read_types(file, tokens.size());
  HugeVector<SentencePieceProto::Piece> pieces;
  pieces.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    const bool is_special = types[id] == TokenType::user_defined && is_image_border(tokens[id]);
    pieces.push_back({tokens[id], scores[id], is_special ? TokenType::control : types[id]});
  }
  return pieces;
}

// What a kind of vocabulary assumes where a file says nothing.
struct SpmDefaults {
  int32_t bos, eos, unknown;  // ids; -1: none
  bool add_bos, add_eos, add_space_prefix;
};

SpmVocab read_spm_vocab(const GgufFile& file, const SpmDefaults& defaults) {
  SpmVocab vocab;
  vocab.proto.pieces = read_pieces(file);
  vocab.proto.symbols_spell_spaces = true;
  const size_t n_pieces = vocab.proto.pieces.size();
  const auto flag = [&](const char* key, bool fallback) { return file.boolean(kPrefix + key).value_or(fallback); };
  vocab.proto.unknown = read_id(file, "unknown_token_id", n_pieces, defaults.unknown);
  vocab.proto.normalizer.add_dummy_prefix = flag("add_space_prefix", defaults.add_space_prefix);
  vocab.proto.normalizer.remove_extra_whitespaces = flag("remove_extra_whitespaces", false);
  vocab.bos = read_id(file, "bos_token_id", n_pieces, defaults.bos);
  vocab.eos = read_id(file, "eos_token_id", n_pieces, defaults.eos);
  vocab.stop_ids = read_stop_ids(file, n_pieces, vocab.eos);
  vocab.add_bos = flag("add_bos_token", defaults.add_bos);
  vocab.add_eos = flag("add_eos_token", defaults.add_eos);
  return vocab;
}

}  // namespace

SpmVocab read_gguf_llama(const GgufFile& file) {
  SpmVocab vocab = read_spm_vocab(
      file, {.bos = 1, .eos = 2, .unknown = 0, .add_bos = true, .add_eos = false, .add_space_prefix = true});
  vocab.proto.kind = SentencePieceProto::Kind::bpe;
  const HugeVector<SentencePieceProto::Piece>& pieces = vocab.proto.pieces;
  for (size_t id = 0; id < pieces.size(); ++id) {
    const bool reserved = pieces[id].type == TokenType::control && is_reserved(pieces[id].text);
    if (reserved) vocab.reserved.push_back(static_cast<int32_t>(id));
  }
  add_end_of_turn(pieces, vocab.stop_ids);
  return vocab;
}

SpmVocab read_gguf_t5(const GgufFile& file) {
  SpmVocab vocab = read_spm_vocab(
      file, {.bos = -1, .eos = 1, .unknown = 2, .add_bos = false, .add_eos = true, .add_space_prefix = false});
  vocab.proto.kind = SentencePieceProto::Kind::unigram;
  const auto n_bytes =
      std::count_if(vocab.proto.pieces.begin(), vocab.proto.pieces.end(),
                    [](const SentencePieceProto::Piece& piece) { return piece.type == TokenType::byte; });
  vocab.proto.byte_fallback = n_bytes == 256;
  if (const NumberArray* map = file.integers(kPrefix + "precompiled_charsmap")) {
    if (map->type != GgufType::u8 && map->type != GgufType::i8) {
      bad_key(file, "precompiled_charsmap", "is not a list of u8");
    }
    vocab.proto.normalizer.charsmap = {reinterpret_cast<const char*>(map->bytes.data()), map->bytes.size()};
  }
  return vocab;
}

}  // namespace tidemill
