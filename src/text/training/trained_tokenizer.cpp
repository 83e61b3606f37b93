#include "text/training/trained_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tidemill {
namespace {

using nlohmann::ordered_json;

std::string json_string(std::string_view text) {
  return ordered_json(text).dump();
}

// Members of the model that are as long as the vocabulary are written as text at once: a JSON object that keeps its
// order looks every new key up from its start.
std::string vocab_text(const std::vector<std::string>& tokens) {
  std::string text = "{";
  for (size_t id = 0; id < tokens.size(); ++id) {
    text += (id == 0 ? "\n      " : ",\n      ") + json_string(tokens[id]) + ": " + std::to_string(id);
  }
  return text + (tokens.empty() ? "}" : "\n    }");
}

std::string merges_text(const TrainedBpe& model) {
  std::string text = "[";
  bool is_first = true;
  for (const auto& [left, right] : model.merges) {
    text += is_first ? "\n      [" : ",\n      [";
    text += json_string(model.tokens[left]) + ", " + json_string(model.tokens[right]) + "]";
    is_first = false;
  }
  return text + (model.merges.empty() ? "]" : "\n    ]");
}

std::string scored_vocab_text(const std::vector<UnigramToken>& tokens) {
  std::string text = "[";
  for (size_t id = 0; id < tokens.size(); ++id) {
    text += (id == 0 ? "\n      [" : ",\n      [") + json_string(tokens[id].text) + ", ";
    text += ordered_json(tokens[id].score).dump() + "]";
  }
  return text + (tokens.empty() ? "]" : "\n    ]");
}

ordered_json added_tokens(const std::vector<std::string>& tokens, const std::vector<std::string>& special_tokens) {
  ordered_json added = ordered_json::array();
  for (size_t id = 0; id < tokens.size() && added.size() < special_tokens.size(); ++id) {
    if (std::find(special_tokens.begin(), special_tokens.end(), tokens[id]) == special_tokens.end()) continue;
    added.push_back({{"id", id},
                     {"content", tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  return added;
}

// Appends a member to the text of an object that ends in "\n" + indent + "}".
void append_member(std::string& object, std::string_view indent, std::string_view key, std::string_view value) {
  object.resize(object.size() - indent.size() - 2);
  object += ",\n" + std::string(indent) + "  \"" + std::string(key) + "\": " + std::string(value);
  object += "\n" + std::string(indent) + "}";
}

std::string tokenizer_text(const TokenizerStages& stages, const std::vector<std::string>& tokens,
                           const std::vector<std::string>& special_tokens, std::string_view model) {
  const ordered_json head{{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", added_tokens(tokens, special_tokens)},
                          {"normalizer", ordered_json::parse(stages.normalizer)},
                          {"pre_tokenizer", ordered_json::parse(stages.pre_tokenizer)},
                          {"post_processor", ordered_json::parse(stages.post_processor)},
                          {"decoder", ordered_json::parse(stages.decoder)}};
  std::string text = head.dump(2);
  append_member(text, "", "model", model);
  return text + "\n";
}

// An object of the file's second level.
std::string model_text(const ordered_json& fields) {
  std::string text = fields.dump(2);
  for (size_t pos = text.find('\n'); pos != text.npos; pos = text.find('\n', pos + 3)) text.insert(pos + 1, "  ");
  return text;
}

}  // namespace

std::string bpe_tokenizer_json(const TrainedBpe& model, const BpeModelFields& fields, const TokenizerStages& stages,
                               const std::vector<std::string>& special_tokens) {
  const ordered_json unk_token = fields.unk_token.empty() ? ordered_json() : ordered_json(fields.unk_token);
  std::string text = model_text({{"type", "BPE"},
                                 {"dropout", nullptr},
                                 {"unk_token", unk_token},
                                 {"continuing_subword_prefix", nullptr},
                                 {"end_of_word_suffix", nullptr},
                                 {"fuse_unk", fields.fuse_unk},
                                 {"byte_fallback", fields.byte_fallback},
                                 {"ignore_merges", false}});
  append_member(text, "  ", "vocab", vocab_text(model.tokens));
  append_member(text, "  ", "merges", merges_text(model));
  return tokenizer_text(stages, model.tokens, special_tokens, text);
}

std::string wordpiece_tokenizer_json(const std::vector<std::string>& tokens, const std::string& unk_token,
                                     const std::string& continuing_prefix, const TokenizerStages& stages,
                                     const std::vector<std::string>& special_tokens) {
  std::string text = model_text({{"type", "WordPiece"},
                                 {"unk_token", unk_token},
                                 {"continuing_subword_prefix", continuing_prefix},
                                 {"max_input_chars_per_word", 100}});
  append_member(text, "  ", "vocab", vocab_text(tokens));
  return tokenizer_text(stages, tokens, special_tokens, text);
}

std::string unigram_tokenizer_json(const std::vector<UnigramToken>& tokens, const std::string& unk_token,
                                   const TokenizerStages& stages, const std::vector<std::string>& special_tokens) {
  std::vector<std::string> texts;
  for (const UnigramToken& token : tokens) texts.push_back(token.text);
  const auto unk_id = std::find(texts.begin(), texts.end(), unk_token) - texts.begin();
  std::string text = model_text({{"type", "Unigram"}, {"unk_id", unk_id}});
  append_member(text, "  ", "vocab", scored_vocab_text(tokens));
  append_member(text, "  ", "byte_fallback", "false");
  return tokenizer_text(stages, texts, special_tokens, text);
}

}  // namespace tidemill
