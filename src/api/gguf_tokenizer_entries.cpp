// Keys as llama.cpp's converter writes them; gguf_tokenizer.cpp and gguf_description.cpp read them.
#include "api/gguf_tokenizer_entries.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/gguf_fields.h"
#include "api/gguf_pre_tokenizers.h"
#include "api/tokenizer_files.h"
#include "formats/json_file.h"
#include "text/pieces/space_symbol.h"
#include "text/pieces/token_type.h"

namespace tidemill {
namespace {

using gguf_tokenizer::kPrefix;
using nlohmann::json;

// The stages of a Sequence, or the one stage.
std::vector<json> stages_of(const json& stage, const char* list) {
  if (stage.is_null()) return {};
  if (stage.value("type", "") != "Sequence") return {stage};
  std::vector<json> stages;
  for (const json& inner : stage.at(list)) {
    for (json& each : stages_of(inner, list)) stages.push_back(std::move(each));
  }
  return stages;
}

bool has_stage(const std::vector<json>& stages, std::string_view type) {
  return std::ranges::any_of(stages, [&](const json& stage) { return stage.value("type", "") == type; });
}

// The regular expressions that cut text before GPT-2's bytes; nothing when something else cuts it, too.
std::optional<std::vector<std::string>> patterns_of(const json& pre_tokenizer) {
  std::vector<std::string> patterns;
  for (const json& stage : stages_of(pre_tokenizer, "pretokenizers")) {
    const std::string type = stage.value("type", "");
    if (type == "ByteLevel") {
      if (stage.value("add_prefix_space", true)) return {};
      if (stage.value("use_regex", true)) patterns.emplace_back(gpt2_pattern());
    } else if (type == "Digits" && stage.value("individual_digits", false)) {
      patterns.emplace_back(R"(\p{N})");
    } else if (type == "Split" && stage.value("behavior", "") == "Isolated" && !stage.value("invert", false) &&
               stage.at("pattern").contains("Regex")) {
      patterns.push_back(stage.at("pattern").at("Regex").get<std::string>());
    } else {
      return {};
    }
  }
  return patterns;
}

class Entries {
 public:
  Entries(const TokenizerDescription& description, int64_t vocab_size, GgufEntries& entries)
      : description_(description), entries_(entries), names_(static_cast<size_t>(vocab_size)), types_(names_.size()) {}

  void add_gpt2(const FileTarget& target);
  void add_llama();
  void add_common(const json& config);

 private:
  void add_tokens();
  void add_scores();

  const TokenizerDescription& description_;
  GgufEntries& entries_;
  std::vector<std::string> names_;  // by id
  std::vector<int32_t> types_;
};

void Entries::add_tokens() {
  const std::vector<std::string_view>& names = description_.model.names;
  for (size_t id = 0; id < names_.size(); ++id) {
    const bool is_token = id < names.size() && !names[id].empty();
    names_[id] = is_token ? std::string(names[id]) : "[PAD" + std::to_string(id) + "]";
    const bool is_byte = description_.model.byte_fallback && names_[id].size() == 6 && names_[id].starts_with("<0x");
    const TokenType type = !is_token                                        ? TokenType::unused
                           : is_byte                                        ? TokenType::byte
                           : names_[id] == description_.model.unknown_token ? TokenType::unknown
                                                                            : TokenType::normal;
    types_[id] = static_cast<int32_t>(type);
  }
  for (const AddedToken& token : description_.added_tokens) {
    const auto id = static_cast<size_t>(token.id);
    if (id >= names_.size()) continue;
    names_[id] = token.content;
    if (types_[id] == static_cast<int32_t>(TokenType::unknown)) continue;
    types_[id] = static_cast<int32_t>(token.special ? TokenType::control : TokenType::user_defined);
  }
  entries_.add_texts(kPrefix + "tokens", names_);
  entries_.add_numbers(kPrefix + "token_type", types_);
}

void Entries::add_gpt2(const FileTarget& target) {
  const std::vector<json> before = stages_of(description_.normalizer, "normalizers");
  const bool is_nfc = before.size() == 1 && has_stage(before, "NFC");
  if (!before.empty() && !is_nfc) target.fail("its tokenizer changes text before it is cut");
  const auto patterns = patterns_of(description_.pre_tokenizer);
  const auto* const pre =
      patterns ? find_gguf_pre_tokenizer(*patterns, is_nfc, description_.model.ignore_merges) : nullptr;
  if (pre == nullptr) target.fail("its tokenizer cuts text into words in a way of its own");
  entries_.add_text(kPrefix + "model", "gpt2");
  entries_.add_text(kPrefix + "pre", pre->name.empty() ? "default" : pre->name);
  add_tokens();
  std::vector<std::string> merges;
  for (const auto& [left, right] : description_.model.merges)
    merges.push_back(std::string(left) + " " + std::string(right));
  entries_.add_texts(kPrefix + "merges", merges);
}

// A token's score orders the merges: the first one has the greatest.
void Entries::add_scores() {
  std::unordered_map<std::string_view, size_t> ids;
  for (size_t id = 0; id < description_.model.names.size(); ++id) ids.emplace(description_.model.names[id], id);
  const auto n_merges = static_cast<float>(description_.model.merges.size());
  std::vector<float> scores(names_.size(), -n_merges);
  float rank = 0;
  for (const auto& [left, right] : description_.model.merges) {
    const auto found = ids.find(std::string(left) + std::string(right));
    if (found != ids.end() && found->second < scores.size()) {
      float& score = scores[found->second];
      score = std::max(score, -rank);
    }
    ++rank;
  }
  entries_.add_numbers(kPrefix + "scores", scores);
}

void Entries::add_llama() {
  const std::vector<json> before = stages_of(description_.normalizer, "normalizers");
  const std::vector<json> cuts = stages_of(description_.pre_tokenizer, "pretokenizers");
  const bool is_metaspace = has_stage(cuts, "Metaspace") && cuts.front().value("prepend_scheme", "always") != "never";
  entries_.add_text(kPrefix + "model", "llama");
  entries_.add_text(kPrefix + "pre", "default");
  add_tokens();
  add_scores();
  entries_.add_flag(kPrefix + "add_space_prefix", has_stage(before, "Prepend") || is_metaspace);
}

void Entries::add_common(const json& config) {
  const auto n_tokens = static_cast<int64_t>(names_.size());
  const auto add_id = [&](const char* key, int64_t id) {
    if (id >= 0 && id < n_tokens) entries_.add(kPrefix + key, static_cast<uint32_t>(id));
  };
  const auto id_in = [&](const char* field, int64_t fallback) {
    const auto found = config.find(field);
    if (found == config.end() || found->is_null()) return fallback;
    const json& id = found->is_array() && !found->empty() ? found->front() : *found;
    return id.is_number_integer() ? id.get<int64_t>() : fallback;
  };
  const std::vector<int32_t>& stops = description_.stop_ids;
  const int64_t eos = id_in("eos_token_id", stops.empty() ? -1 : stops.front());
  const int64_t bos = id_in("bos_token_id", description_.bos);
  add_id("bos_token_id", bos);
  add_id("eos_token_id", eos);
  add_id("padding_token_id", id_in("pad_token_id", -1));
  if (!description_.model.unknown_token.empty())
    add_id("unknown_token_id", find_token(description_, description_.model.unknown_token));
  const auto other = std::ranges::find_if(stops, [&](int32_t id) { return id != eos; });
  if (other != stops.end()) add_id("eot_token_id", *other);
  // What the tokenizer puts around a text, whatever says so.
  const std::vector<int32_t> ids = build_tokenizer(description_, {})->encode("a");
  entries_.add_flag(kPrefix + "add_bos_token", ids.size() > 1 && ids.front() == bos);
  entries_.add_flag(kPrefix + "add_eos_token", ids.size() > 1 && ids.back() == eos);
}

void add_chat_template(const CompanionFiles& files, GgufEntries& entries) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  if (files.contains("chat_template.jinja")) return entries.add_text(kKey, files.text("chat_template.jinja"));
  constexpr const char* kConfig = "tokenizer_config.json";
  if (!files.contains(kConfig)) return;
  const json config = parse_json(files.text(kConfig), files.path(kConfig));
  const auto found = config.find("chat_template");
  if (found != config.end() && found->is_string()) entries.add_text(kKey, found->get<std::string>());
}

}  // namespace

void add_tokenizer_entries(const CompanionFiles& files, const ModelSource& source, int64_t vocab_size,
                           const FileTarget& target, GgufEntries& entries) {
  const std::optional<TokenizerDescription> description = describe_tokenizer_of(files);
  if (!description) return entries.add_text(kPrefix + "model", "no_vocab");
  Entries writing(*description, vocab_size, entries);
  const ModelDescription& model = description->model;
  const bool is_bpe = model.kind == ModelDescription::Kind::bpe && !model.ranks_are_ids;
  if (!is_bpe) target.fail("its tokenizer is no BPE");
  if (model.byte_fallback) {
    writing.add_llama();
  } else {
    writing.add_gpt2(target);
  }
  writing.add_common(*source.config);
  add_chat_template(files, entries);
}

}  // namespace tidemill
