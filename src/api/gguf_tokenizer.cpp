// Keys and defaults: ggml's docs/gguf.md and what llama.cpp writes and assumes for each kind of vocabulary.
#include "api/gguf_tokenizer.h"

#include <utility>

#include "api/gguf_description.h"
#include "api/gguf_fields.h"
#include "api/gguf_spm_vocab.h"
#include "text/rwkv_trie.h"
#include "text/sentencepiece/spm_tokenizer.h"
#include "text/unicode/digit.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using namespace gguf_tokenizer;

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
  if (*kind == "llama") return make_spm_tokenizer(read_gguf_llama(file), file.path(), options);
  if (*kind == "t5") return make_spm_tokenizer(read_gguf_t5(file), file.path(), options);
  if (*kind == "rwkv") return make_rwkv(file);
  if (*kind == "gpt2") return build_tokenizer(describe_gguf_bpe(file), options);
  if (*kind == "bert") return build_tokenizer(describe_gguf_wordpiece(file), options);
  throw Error(ErrorCode::unsupported, file.path() + ": tokenizer.ggml.model is '" + std::string(*kind) +
                                          "'; llama, t5, gpt2, bert and rwkv are read (docs/tokenizers.md)");
}

}  // namespace tidemill
