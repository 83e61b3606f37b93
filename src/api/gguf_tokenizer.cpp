// Keys and defaults: ggml's docs/gguf.md and what llama.cpp writes and assumes for each kind of vocabulary.
#include "api/gguf_tokenizer.h"

#include <algorithm>
#include <utility>

#include "api/gguf_description.h"
#include "api/gguf_fields.h"
#include "text/rwkv_trie.h"
#include "text/sentencepiece/spm_tokenizer.h"
#include "text/unicode/digit.h"
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

// "llama": Gemma, Llama 2, Mistral.
std::shared_ptr<const Tokenizer> make_spm_bpe(const GgufFile& file, const TokenizerOptions& options) {
  SpmVocab vocab = read_spm_vocab(
      file, {.bos = 1, .eos = 2, .unknown = 0, .add_bos = true, .add_eos = false, .add_space_prefix = true});
  vocab.proto.kind = SentencePieceProto::Kind::bpe;
  const std::vector<SentencePieceProto::Piece>& pieces = vocab.proto.pieces;
  for (size_t id = 0; id < pieces.size(); ++id) {
    const bool reserved = pieces[id].type == TokenType::control && is_reserved(pieces[id].text);
    if (reserved) vocab.reserved.push_back(static_cast<int32_t>(id));
  }
  add_end_of_turn(pieces, vocab.stop_ids);
  return make_spm_tokenizer(vocab, file.path(), options);
}

// "t5": Unigram, of T5 and of XLM-RoBERTa's kin.
std::shared_ptr<const Tokenizer> make_spm_unigram(const GgufFile& file, const TokenizerOptions& options) {
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
  return make_spm_tokenizer(vocab, file.path(), options);
}

// The bytes that a token of RWKV stands for, which files spell as Python's repr() does.
std::string unescaped(const GgufFile& file, size_t id, std::string_view token) {
  std::string bytes;
  for (size_t pos = 0; pos < token.size(); ++pos) {
    if (token[pos] != '\\') {
      bytes += token[pos];
      continue;
    }
    const char kind = pos + 1 < token.size() ? token[pos + 1] : '\0';
    const int high = kind == 'x' && pos + 3 < token.size() ? digit_value(token[pos + 2]) : -1;
    const int low = high >= 0 ? digit_value(token[pos + 3]) : -1;
    constexpr std::string_view kKinds = "tnr\\'\"";
    constexpr std::string_view kBytes = "\t\n\r\\'\"";
    const size_t known = kKinds.find(kind);
    if (low < 0 && known == kKinds.npos) {
      bad_key(file, "tokens", "has the malformed token " + std::to_string(id) + " '" + std::string(token) + "'");
    }
    bytes += low >= 0 ? static_cast<char>(high * 16 + low) : kBytes[known];
    pos += low >= 0 ? 3 : 1;
  }
  return bytes;
}

// "rwkv": the longest token first.
std::shared_ptr<const Tokenizer> make_rwkv(const GgufFile& file) {
  const StringList& tokens = read_tokens(file);
  const std::vector<TokenType> types = read_types(file, tokens.size());
  RwkvVocab vocab;
  vocab.tokens.resize(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    const bool special = types[id] == TokenType::control || types[id] == TokenType::unknown;
    if (types[id] == TokenType::normal || types[id] == TokenType::byte) {
      vocab.tokens[id] = unescaped(file, id, tokens[id]);
    } else if (special || types[id] == TokenType::user_defined) {
      vocab.added_tokens.push_back({.content = unescaped(file, id, tokens[id]),
                                    .id = static_cast<int32_t>(id),
                                    .special = special,
                                    .normalized = false});
    }
  }
  std::erase_if(vocab.added_tokens, [](const AddedToken& token) { return token.content.empty(); });
  vocab.bos = read_id(file, "bos_token_id", tokens.size(), -1);
  vocab.stop_ids = read_stop_ids(file, tokens.size(), read_id(file, "eos_token_id", tokens.size(), 0));
  return make_rwkv_tokenizer(std::move(vocab), file.path());
}

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_of(const GgufFile& file, const TokenizerOptions& options) {
  const std::optional<std::string_view> kind = file.string(kPrefix + "model");
  if (!kind) bad_key(file, "model", "is missing, the file has no tokenizer");
  if (*kind == "llama") return make_spm_bpe(file, options);
  if (*kind == "t5") return make_spm_unigram(file, options);
  if (*kind == "rwkv") return make_rwkv(file);
  if (*kind == "gpt2") return build_tokenizer(describe_gguf_bpe(file), options);
  if (*kind == "bert") return build_tokenizer(describe_gguf_wordpiece(file), options);
  throw Error(ErrorCode::unsupported, file.path() + ": tokenizer.ggml.model is '" + std::string(*kind) +
                                          "'; llama, t5, gpt2, bert and rwkv are read (docs/tokenizers.md)");
}

}  // namespace tidemill
