// Large parts are written straight into the text; the stages are JSON already.
#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_map>
#include <utility>

#include "text/readers/tokenizer_json.h"

namespace tidemill {
namespace {

using nlohmann::json;

void append_string(std::string_view value, std::string& text) {
  const bool plain = std::all_of(value.begin(), value.end(),
                                 [](char c) { return static_cast<uint8_t>(c) >= 0x20 && c != '"' && c != '\\'; });
  if (plain) {
    text.append(1, '"').append(value).append(1, '"');
  } else {
    text += json(value).dump();
  }
}

void append_field(std::string_view key, const json& value, std::string& text) {
  append_string(key, text);
  text.append(": ").append(value.dump()).append(",\n    ");
}

json text_or_null(const std::string& value) {
  return value.empty() ? json() : json(value);
}

void append_vocab(const ModelDescription& model, std::string& text) {
  text += "\"vocab\": {";
  bool first = true;
  for (size_t id = 0; id < model.names.size(); ++id) {
    if (model.names[id].empty()) continue;
    text += first ? "\n      " : ",\n      ";
    first = false;
    append_string(model.names[id], text);
    text.append(": ").append(std::to_string(id));
  }
  text += "\n    }";
}

void append_scored_vocab(const ModelDescription& model, std::string& text) {
  text += "\"vocab\": [";
  for (size_t id = 0; id < model.names.size(); ++id) {
    text += id == 0 ? "\n      [" : ",\n      [";
    append_string(model.names[id], text);
    char digits[32];
    text.append(", ").append(digits, std::to_chars(digits, digits + sizeof digits, model.scores[id]).ptr);
    text += ']';
  }
  text += "\n    ]";
}

using Merges = std::vector<std::pair<std::string_view, std::string_view>>;

// Where ranks are ids, any two tokens that make a third may be merged, at its rank.
Merges merges_of_ranks(const ModelDescription& model) {
  std::unordered_map<std::string_view, size_t> ids;
  for (size_t id = 0; id < model.names.size(); ++id) {
    if (!model.names[id].empty()) ids.emplace(model.names[id], id);
  }
  Merges merges;
  for (const std::string_view name : model.names) {
    std::vector<std::pair<size_t, size_t>> parts;
    for (size_t cut = 1; cut < name.size(); ++cut) {
      if ((static_cast<uint8_t>(name[cut]) & 0xC0) == 0x80) continue;  // inside a byte's character
      const auto left = ids.find(name.substr(0, cut));
      const auto right = ids.find(name.substr(cut));
      if (left != ids.end() && right != ids.end()) parts.emplace_back(left->second, right->second);
    }
    std::sort(parts.begin(), parts.end());
    for (const auto& [left, right] : parts) merges.emplace_back(model.names[left], model.names[right]);
  }
  return merges;
}

void append_merges(const Merges& merges, std::string& text) {
  text += "\"merges\": [";
  for (size_t k = 0; k < merges.size(); ++k) {
    text += k == 0 ? "\n      [" : ",\n      [";
    append_string(merges[k].first, text);
    text += ", ";
    append_string(merges[k].second, text);
    text += ']';
  }
  text += "\n    ]";
}

void append_model(const ModelDescription& model, std::string& text) {
  text += "\"model\": {\n    ";
  switch (model.kind) {
    case ModelDescription::Kind::bpe:
      append_field("type", "BPE", text);
      append_field("dropout", nullptr, text);
      append_field("unk_token", text_or_null(model.unknown_token), text);
      append_field("continuing_subword_prefix", text_or_null(model.continuing_prefix), text);
      append_field("end_of_word_suffix", text_or_null(model.end_suffix), text);
      append_field("fuse_unk", model.fuse_unknown, text);
      append_field("byte_fallback", model.byte_fallback, text);
      append_field("ignore_merges", model.ignore_merges, text);
      append_vocab(model, text);
      text += ",\n    ";
      append_merges(model.ranks_are_ids ? merges_of_ranks(model) : model.merges, text);
      break;
    case ModelDescription::Kind::unigram:
      append_field("type", "Unigram", text);
      append_field("unk_id", model.unknown_id < 0 ? json() : json(model.unknown_id), text);
      append_field("byte_fallback", model.byte_fallback, text);
      append_scored_vocab(model, text);
      break;
    case ModelDescription::Kind::wordpiece:
      append_field("type", "WordPiece", text);
      append_field("unk_token", model.unknown_token, text);
      append_field("continuing_subword_prefix", model.continuing_prefix, text);
      append_field("max_input_chars_per_word", model.max_chars_per_word, text);
      append_vocab(model, text);
      break;
    case ModelDescription::Kind::word_level:
      append_field("type", "WordLevel", text);
      append_field("unk_token", model.unknown_token, text);
      append_vocab(model, text);
      break;
  }
  text += "\n  }";
}

json direction_of(Side side) {
  return side == Side::left ? "Left" : "Right";
}

json truncation_json(const std::optional<Truncation>& truncation) {
  if (!truncation) return nullptr;
  using enum Truncation::Strategy;
  const char* const strategy = truncation->strategy == only_first    ? "OnlyFirst"
                               : truncation->strategy == only_second ? "OnlySecond"
                                                                     : "LongestFirst";
  return {{"direction", direction_of(truncation->side)},
          {"max_length", truncation->max_length},
          {"strategy", strategy},
          {"stride", truncation->stride}};
}

json padding_json(const TokenizerDescription& description) {
  if (!description.padding) return nullptr;
  const Padding& padding = *description.padding;
  return {{"strategy", padding.length ? json{{"Fixed", *padding.length}} : json("BatchLongest")},
          {"direction", direction_of(padding.side)},
          {"pad_to_multiple_of", padding.multiple_of == 0 ? json() : json(padding.multiple_of)},
          {"pad_id", padding.id},
          {"pad_type_id", padding.type_id},
          {"pad_token", description.pad_token}};
}

json added_tokens_json(const std::vector<AddedToken>& tokens) {
  json list = json::array();
  for (const AddedToken& token : tokens) {
    list.push_back({{"id", token.id},
                    {"content", token.content},
                    {"single_word", token.single_word},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", token.normalized},
                    {"special", token.special}});
  }
  std::stable_sort(list.begin(), list.end(), [](const json& a, const json& b) { return a["id"] < b["id"]; });
  return list;
}

}  // namespace

std::string write_tokenizer_json(const TokenizerDescription& description) {
  std::string text = "{\n  \"version\": \"1.0\",\n  ";
  const auto add = [&](std::string_view key, const json& value) {
    append_string(key, text);
    text.append(": ").append(value.dump()).append(",\n  ");
  };
  add("truncation", truncation_json(description.truncation));
  add("padding", padding_json(description));
  add("added_tokens", added_tokens_json(description.added_tokens));
  add("normalizer", description.normalizer);
  add("pre_tokenizer", description.pre_tokenizer);
  add("post_processor", description.post_processor);
  add("decoder", description.decoder);
  append_model(description.model, text);
  return text += "\n}\n";
}

}  // namespace tidemill
