#include "api/gguf_description.h"

#include <deque>
#include <memory>
#include <utility>

#include "api/gguf_fields.h"
#include "api/gguf_pre_tokenizers.h"
#include "api/gguf_spm_vocab.h"
#include "text/pieces/space_symbol.h"
#include "text/readers/vocab_files.h"
#include "text/sentencepiece/spm_description.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using namespace gguf_tokenizer;
using nlohmann::json;

json split_stage(std::string_view pattern) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}

// Splits one after the other, then the bytes of GPT-2.
json pre_tokenizer_stages(std::span<const std::string_view> patterns) {
  json stages = json::array();
  for (const std::string_view pattern : patterns) stages.push_back(split_stage(pattern));
  stages.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}});
  return {{"type", "Sequence"}, {"pretokenizers", std::move(stages)}};
}

const GgufPreTokenizer& pre_tokenizer_of(const GgufFile& file) {
  const std::string_view name = file.string(kPrefix + "pre").value_or("");
  const GgufPreTokenizer* const found = find_gguf_pre_tokenizer(name);
  if (found) return *found;
  throw Error(ErrorCode::unsupported, file.path() + ": " + kPrefix + "pre is '" + std::string(name) +
                                          "', which is not known; docs/tokenizers.md lists the names that are");
}

void add_special_tokens(const std::vector<TokenType>& types, TokenizerDescription& description) {
  for (size_t id = 0; id < types.size(); ++id) {
    const std::string_view name = description.model.names[id];
    const bool special = types[id] == TokenType::control || types[id] == TokenType::unknown;
    if (name.empty() || (!special && types[id] != TokenType::user_defined)) continue;
    description.added_tokens.push_back(
        {.content = std::string(name), .id = static_cast<int32_t>(id), .special = special, .normalized = false});
  }
}

void read_merges(const GgufFile& file, ModelDescription& model) {
  const StringList* merges = file.strings(kPrefix + "merges");
  if (!merges) bad_key(file, "merges", "is missing");
  model.merges.reserve(merges->size());
  for (const std::string_view merge : merges->views()) {
    const size_t space = merge.find(' ', 1);
    if (space == merge.npos) bad_key(file, "merges", "has the entry '" + std::string(merge) + "', not two tokens");
    model.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
}

}  // namespace

TokenizerDescription describe_gguf_bpe(const GgufFile& file) {
  TokenizerDescription description;
  description.source = file.path();
  ModelDescription& model = description.model;
  model.names = read_tokens(file).views();
  model.n_tokens = model.names.size();
  const size_t n_tokens = model.names.size();
  read_merges(file, model);
  const GgufPreTokenizer& pre = pre_tokenizer_of(file);
  model.ignore_merges = pre.ignore_merges;
  if (pre.nfc) description.normalizer = {{"type", "NFC"}};
  description.pre_tokenizer = pre_tokenizer_stages(pre.patterns);
  description.decoder = {
      {"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  add_special_tokens(read_types(file, n_tokens), description);
  description.bos = read_id(file, "bos_token_id", n_tokens, -1);
  const int32_t eos = read_id(file, "eos_token_id", n_tokens, -1);
  const bool add_bos = file.boolean(kPrefix + "add_bos_token").value_or(pre.add_bos || pre.add_sep);
  const bool add_eos = file.boolean(kPrefix + "add_eos_token").value_or(pre.add_sep);
  if (add_bos || add_eos) {
    description.post_processor = template_around(model, add_bos ? description.bos : -1, add_eos ? eos : -1);
  }
  description.stop_ids = read_stop_ids(file, n_tokens, eos);
  return description;
}

TokenizerDescription describe_gguf(const GgufFile& file) {
  const std::optional<std::string_view> kind = file.string(kPrefix + "model");
  if (!kind) bad_key(file, "model", "is missing, the file has no tokenizer");
  if (*kind == "gpt2") return describe_gguf_bpe(file);
  if (*kind == "bert") return describe_gguf_wordpiece(file);
  if (*kind == "llama") return describe_spm(read_gguf_llama(file), file.path());
  if (*kind == "t5") return describe_spm(read_gguf_t5(file), file.path());
  throw Error(ErrorCode::unsupported,
              file.path() + ": " + kPrefix + "model is '" + std::string(*kind) +
                  "', of which no tokenizer.json can be made; gpt2, llama, t5 and bert are possible");
}

TokenizerDescription describe_gguf_wordpiece(const GgufFile& file) {
  // Files mark the start of a word by U+2581 where BERT marks what goes on by "##".
  const StringList& tokens = read_tokens(file);
  const std::vector<TokenType> types = read_types(file, tokens.size());
  const auto names = std::make_shared<std::deque<std::string>>();
  TokenizerDescription description;
  description.source = file.path();
  ModelDescription& model = description.model;
  model.kind = ModelDescription::Kind::wordpiece;
  model.continuing_prefix = "##";
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view token = tokens[id];
    const bool whole = types[id] != TokenType::normal || (token.starts_with('[') && token.ends_with(']'));
    if (token.starts_with(kSpaceSymbol)) {
      model.names.push_back(token.substr(kSpaceSymbol.size()));
    } else if (whole || token.empty()) {
      model.names.push_back(token);
    } else {
      model.names.push_back(names->emplace_back("##" + std::string(token)));
    }
  }
  model.n_tokens = model.names.size();
  description.storage = names;
  const int32_t unknown = read_id(file, "unknown_token_id", tokens.size(), -1);
  if (unknown < 0) bad_key(file, "unknown_token_id", "is missing");
  model.unknown_token = model.names[static_cast<size_t>(unknown)];
  add_bert_stages(description, true);
  const int32_t cls = read_id(file, "cls_token_id", tokens.size(), read_id(file, "bos_token_id", tokens.size(), -1));
  // How the key has been spelled ever since.
  const int32_t sep =
      read_id(file, "seperator_token_id", tokens.size(), read_id(file, "eos_token_id", tokens.size(), -1));
  if (cls >= 0 && sep >= 0) {
    description.post_processor = {{"type", "BertProcessing"}};
    description.post_processor["cls"] = {model.names[static_cast<size_t>(cls)], cls};
    description.post_processor["sep"] = {model.names[static_cast<size_t>(sep)], sep};
  }
  return description;
}

}  // namespace tidemill
