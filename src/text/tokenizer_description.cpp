#include "text/tokenizer_description.h"

#include <algorithm>
#include <unordered_map>

#include "text/bpe/bpe.h"
#include "text/bpe/raw_reading.h"
#include "text/bpe/word_ends.h"
#include "text/pieces/byte_alphabet.h"
#include "text/pieces/token_table.h"
#include "text/pipeline.h"
#include "text/readers/json_stages.h"
#include "text/unigram/unigram.h"
#include "text/word_level.h"
#include "text/wordpiece.h"

namespace tidemill {
namespace {

using nlohmann::json;

// The bytes that each token stands for, with GPT-2's alphabet undone.
TokenStrings undo_byte_alphabet(std::span<const std::string_view> names) {
  std::string buffer;
  std::vector<size_t> ends;
  ends.reserve(names.size());
  for (const std::string_view name : names) {
    append_spelled_bytes(name, buffer);
    ends.push_back(buffer.size());
  }
  std::vector<std::string_view> texts(names.size());
  for (size_t id = 0, begin = 0; id < names.size(); begin = ends[id++]) {
    texts[id] = std::string_view(buffer).substr(begin, ends[id] - begin);
  }
  return TokenStrings(texts);
}

bool is_byte_level(const json& stage) {
  return stage.is_object() && stage.contains("type") && stage["type"] == "ByteLevel";
}

bool is_sequence(const json& stage) {
  return stage.is_object() && stage.contains("pretokenizers") && stage["pretokenizers"].is_array();
}

// True when the only stage that spells bytes in GPT-2's alphabet is the last one before a BPE model: then it and the
// alphabet of the vocabulary cancel out.
bool ends_in_bytes(const TokenizerDescription& description) {
  const ModelDescription& model = description.model;
  if (model.kind != ModelDescription::Kind::bpe) return false;
  // The marks of CLIP's words are no bytes of a text.
  if (!model.continuing_prefix.empty() || !model.end_suffix.empty()) return false;
  const json& stage = description.pre_tokenizer;
  if (!is_sequence(stage)) return is_byte_level(stage);
  const json& stages = stage["pretokenizers"];
  if (std::any_of(stages.begin(), stages.end(), is_sequence)) return false;
  return !stages.empty() && is_byte_level(stages.back()) &&
         std::count_if(stages.begin(), stages.end(), is_byte_level) == 1;
}

std::unique_ptr<const PieceModel> build_bpe(TokenizerDescription& description, bool byte_symbols, size_t cache_bytes) {
  const std::optional<RawText> raw = byte_symbols ? std::optional<RawText>() : take_raw_text(description);
  const ModelDescription& model = description.model;
  std::vector<std::string_view> texts;
  TokenStrings undone;
  if (byte_symbols) {
    undone = undo_byte_alphabet(model.names);
    for (int32_t id = 0; id < undone.size(); ++id) texts.push_back(undone[id]);
  }
  BpeVocab vocab{.names = model.names,
                 .texts = texts,
                 .order = model.ranks_are_ids ? BpeVocab::Order::ids : BpeVocab::Order::merges,
                 .merges = model.merges,
                 .byte_symbols = byte_symbols,
                 .byte_fallback = model.byte_fallback,
                 .fuse_unknown = model.fuse_unknown,
                 .whole_pieces = model.ignore_merges,
                 .unknown = model.unknown_token,
                 .continuing_prefix = model.continuing_prefix,
                 .end_suffix = model.end_suffix,
                 .raw = raw ? &*raw : nullptr,
                 .cache_bytes = cache_bytes};
  return make_bpe(vocab, description.source);
}

std::unique_ptr<const PieceModel> build_model(TokenizerDescription& description, bool byte_symbols,
                                              size_t cache_bytes) {
  const ModelDescription& model = description.model;
  switch (model.kind) {
    case ModelDescription::Kind::bpe:
      return build_bpe(description, byte_symbols, cache_bytes);
    case ModelDescription::Kind::unigram: {
      const UnigramVocab vocab{.tokens = model.names,
                               .scores = model.scores,
                               .types = {},
                               .unknown = model.unknown_id,
                               .byte_fallback = model.byte_fallback};
      return make_unigram(vocab, UnigramRules::hugging_face, description.source);
    }
    case ModelDescription::Kind::wordpiece:
      return make_wordpiece(model.names, {.unknown_token = model.unknown_token,
                                          .continuing_prefix = model.continuing_prefix,
                                          .max_chars_per_word = model.max_chars_per_word});
    case ModelDescription::Kind::word_level:
      break;
  }
  return make_word_level(model.names, model.unknown_token);
}

}  // namespace

void number_added_tokens(TokenizerDescription& description) {
  std::unordered_map<std::string_view, int32_t> ids;
  for (const AddedToken& token : description.added_tokens) ids.emplace(token.content, -1);
  if (ids.empty()) return;
  const std::vector<std::string_view>& names = description.model.names;
  for (size_t id = 0; id < names.size(); ++id) {
    if (names[id].empty()) continue;
    const auto found = ids.find(names[id]);
    if (found != ids.end()) found->second = static_cast<int32_t>(id);
  }
  auto next_id = static_cast<int32_t>(description.model.n_tokens);
  for (AddedToken& token : description.added_tokens) {
    int32_t& id = ids.find(token.content)->second;
    if (id < 0) id = next_id++;
    token.id = id;
  }
}

int32_t find_token(const TokenizerDescription& description, std::string_view name) {
  for (const AddedToken& token : description.added_tokens) {
    if (token.content == name) return token.id;
  }
  const std::vector<std::string_view>& names = description.model.names;
  const auto found = name.empty() ? names.end() : std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int32_t>(found - names.begin());
}

nlohmann::json template_around(const ModelDescription& model, int32_t before, int32_t after) {
  nlohmann::json single = json::array();
  nlohmann::json pair = json::array();
  nlohmann::json tokens = nlohmann::json::object();
  const auto add = [&](int32_t id, int type_id) {
    if (id < 0) return;
    const std::string name(model.names[static_cast<size_t>(id)]);
    const nlohmann::json piece = {{"SpecialToken", {{"id", name}, {"type_id", type_id}}}};
    if (type_id == 0) single.push_back(piece);
    pair.push_back(piece);
    tokens[name] = {{"id", name}, {"ids", {id}}, {"tokens", {name}}};
  };
  const auto add_text = [](nlohmann::json& list, const char* id, int type_id) {
    list.push_back({{"Sequence", {{"id", id}, {"type_id", type_id}}}});
  };
  add(before, 0);
  add_text(single, "A", 0);
  add_text(pair, "A", 0);
  add(after, 0);
  add(before, 1);
  add_text(pair, "B", 1);
  add(after, 1);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", tokens}};
}

std::shared_ptr<const Tokenizer> build_tokenizer(TokenizerDescription description, const TokenizerOptions& options) {
  const std::string& source = description.source;
  PipelineParts parts;
  const bool byte_symbols = ends_in_bytes(description);
  parts.model = build_model(description, byte_symbols, options.cache_bytes);
  parts.normalizer = normalizer_from_json(description.normalizer, source + ": normalizer");
  parts.pre_tokenizer = pre_tokenizer_from_json(description.pre_tokenizer, source + ": pre_tokenizer",
                                                byte_symbols ? Bytes::raw : Bytes::spelled);
  parts.post_processor = post_processor_from_json(description.post_processor, source + ": post_processor");
  parts.decoder = decoder_from_json(description.decoder, source + ": decoder");
  parts.added_tokens = std::move(description.added_tokens);
  parts.truncation = description.truncation;
  parts.padding = description.padding;
  parts.standard_special_text = description.standard_special_text;
  parts.clean_up_spaces = description.clean_up_spaces;
  parts.stop_ids = std::move(description.stop_ids);
  parts.bos = description.bos;
  parts.cuts = find_text_cuts(description);
  return make_pipeline(std::move(parts), options);
}

}  // namespace tidemill
