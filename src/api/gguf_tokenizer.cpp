// Keys and defaults: ggml's docs/gguf.md and what llama.cpp writes and assumes for "llama" vocabularies.
#include "api/gguf_tokenizer.h"

#include <algorithm>
#include <limits>

#include "text/spm_bpe.h"

namespace tidemill {
namespace {

const std::string kPrefix = "tokenizer.ggml.";

[[noreturn]] void bad_key(const GgufFile& file, const std::string& key, const std::string& why) {
  throw Error(ErrorCode::bad_file, file.path() + ": " + kPrefix + key + " " + why + "; convert the model again");
}

// `array`, the value of `key`, once it is known to have one entry per token.
const NumberArray& one_per_token(const GgufFile& file, const std::string& key, const NumberArray* array,
                                 size_t n_tokens) {
  if (!array) bad_key(file, key, "is missing");
  if (array->size() != n_tokens) {
    bad_key(file, key, "has " + std::to_string(array->size()) + " entries for " + std::to_string(n_tokens) + " tokens");
  }
  return *array;
}

std::vector<float> read_scores(const GgufFile& file, size_t n_tokens) {
  const NumberArray& array = one_per_token(file, "scores", file.numbers(kPrefix + "scores"), n_tokens);
  if (array.type != GgufType::f32) bad_key(file, "scores", "is not a list of f32");
  std::vector<float> scores(n_tokens);
  for (size_t id = 0; id < n_tokens; ++id) scores[id] = static_cast<float>(array.number(id));
  return scores;
}

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

std::vector<TokenType> read_types(const GgufFile& file, const StringList& tokens) {
  const NumberArray& array = one_per_token(file, "token_type", file.integers(kPrefix + "token_type"), tokens.size());
  std::vector<TokenType> types(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    const int64_t value = array.integer(id);
    if (value < static_cast<int64_t>(TokenType::normal) || value > static_cast<int64_t>(TokenType::byte)) {
      bad_key(file, "token_type", "of token " + std::to_string(id) + " is " + std::to_string(value) + ", not 1 to 6");
    }
    types[id] = static_cast<TokenType>(value);
    if (types[id] == TokenType::control && is_reserved(tokens[id])) types[id] = TokenType::reserved;
    if (types[id] == TokenType::user_defined && is_image_border(tokens[id])) types[id] = TokenType::control;
  }
  return types;
}

// The token id at `key`; `fallback` when the key is absent, -1 when that is no id of this vocabulary.
int32_t read_id(const GgufFile& file, const std::string& key, size_t n_tokens, int32_t fallback) {
  const std::optional<int64_t> value = file.integer(kPrefix + key);
  if (!value) return fallback < static_cast<int64_t>(n_tokens) ? fallback : -1;
  if (*value == -1 || *value == std::numeric_limits<uint32_t>::max()) return -1;  // how files say "none"
  if (*value < 0 || *value >= static_cast<int64_t>(n_tokens)) {
    bad_key(file, key, "is " + std::to_string(*value) + ", but there are " + std::to_string(n_tokens) + " tokens");
  }
  return static_cast<int32_t>(*value);
}

// Ids after which generation ends: the end of the text, of a turn and of a message.
std::vector<int32_t> read_stop_ids(const GgufFile& file, const SpmVocab& vocab) {
  std::vector<int32_t> ids{vocab.eos};
  for (const char* key : {"eot_token_id", "eom_token_id"}) ids.push_back(read_id(file, key, vocab.tokens.size(), -1));
  // Gemma's end of turn has no key of its own.
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const bool ends_turn = vocab.types[id] == TokenType::control && vocab.tokens[id] == "<end_of_turn>";
    if (ends_turn) ids.push_back(static_cast<int32_t>(id));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::erase(ids, -1);
  return ids;
}

std::shared_ptr<const Tokenizer> make_spm_bpe_from(const GgufFile& file) {
  const StringList* tokens = file.strings(kPrefix + "tokens");
  if (!tokens) bad_key(file, "tokens", "is missing");
  const size_t n_tokens = tokens->size();
  SpmVocab vocab;
  vocab.tokens = *tokens;
  vocab.scores = read_scores(file, n_tokens);
  vocab.types = read_types(file, *tokens);
  vocab.bos = read_id(file, "bos_token_id", n_tokens, 1);
  vocab.eos = read_id(file, "eos_token_id", n_tokens, 2);
  vocab.unknown = read_id(file, "unknown_token_id", n_tokens, 0);
  vocab.stop_ids = read_stop_ids(file, vocab);
  vocab.add_bos = file.boolean(kPrefix + "add_bos_token").value_or(true);
  vocab.add_eos = file.boolean(kPrefix + "add_eos_token").value_or(false);
  vocab.add_space_prefix = file.boolean(kPrefix + "add_space_prefix").value_or(true);
  return make_spm_bpe(vocab, file.path());
}

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_of(const GgufFile& file) {
  const std::optional<std::string_view> kind = file.string(kPrefix + "model");
  if (!kind) bad_key(file, "model", "is missing, the file has no tokenizer");
  if (*kind == "llama") return make_spm_bpe_from(file);
  throw Error(ErrorCode::unsupported, file.path() + ": tokenizers of kind '" + std::string(*kind) +
                                          "' (tokenizer.ggml.model) are not built yet; use a model whose kind is " +
                                          "'llama' (SentencePiece BPE)");
}

}  // namespace tidemill
