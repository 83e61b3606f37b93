// Keys and defaults: ggml's docs/gguf.md and what llama.cpp writes and assumes for "llama" vocabularies.
#include "api/gguf_tokenizer.h"

#include <algorithm>

#include "api/gguf_description.h"
#include "api/gguf_fields.h"
#include "text/bpe/spm_bpe.h"
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
void add_end_of_turn(SpmVocab& vocab) {
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const bool ends_turn = vocab.types[id] == TokenType::control && vocab.tokens[id] == "<end_of_turn>";
    if (!ends_turn) continue;
    vocab.stop_ids.push_back(static_cast<int32_t>(id));
    std::sort(vocab.stop_ids.begin(), vocab.stop_ids.end());
    vocab.stop_ids.erase(std::unique(vocab.stop_ids.begin(), vocab.stop_ids.end()), vocab.stop_ids.end());
  }
}

std::shared_ptr<const Tokenizer> make_spm_bpe_from(const GgufFile& file) {
  const StringList& tokens = read_tokens(file);
  const size_t n_tokens = tokens.size();
  SpmVocab vocab;
  vocab.tokens = tokens;
  vocab.scores = read_scores(file, n_tokens);
  vocab.types = read_types(file, n_tokens);
  for (size_t id = 0; id < n_tokens; ++id) {
    TokenType& type = vocab.types[id];
    if (type == TokenType::control && is_reserved(tokens[id])) {
      type = TokenType::reserved;
    } else if (type == TokenType::user_defined && is_image_border(tokens[id])) {
      type = TokenType::control;
    }
  }
  vocab.bos = read_id(file, "bos_token_id", n_tokens, 1);
  vocab.eos = read_id(file, "eos_token_id", n_tokens, 2);
  vocab.unknown = read_id(file, "unknown_token_id", n_tokens, 0);
  vocab.stop_ids = read_stop_ids(file, n_tokens, vocab.eos);
  add_end_of_turn(vocab);
  vocab.add_bos = file.boolean(kPrefix + "add_bos_token").value_or(true);
  vocab.add_eos = file.boolean(kPrefix + "add_eos_token").value_or(false);
  vocab.add_space_prefix = file.boolean(kPrefix + "add_space_prefix").value_or(true);
  return make_spm_bpe(vocab, file.path());
}

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_of(const GgufFile& file, const TokenizerOptions& options) {
  const std::optional<std::string_view> kind = file.string(kPrefix + "model");
  if (!kind) bad_key(file, "model", "is missing, the file has no tokenizer");
  if (*kind == "llama") return make_spm_bpe_from(file);
  if (*kind == "gpt2") return build_tokenizer(describe_gguf_bpe(file), options);
  if (*kind == "bert") return build_tokenizer(describe_gguf_wordpiece(file), options);
  throw Error(ErrorCode::unsupported, file.path() + ": tokenizer.ggml.model is '" + std::string(*kind) +
                                          "'; llama, gpt2 and bert are read (docs/tokenizers.md)");
}

}  // namespace tidemill
