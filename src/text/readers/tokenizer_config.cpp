#include "text/readers/tokenizer_config.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "text/readers/json_fields.h"

namespace tidemill {
namespace {

using nlohmann::json;

json parse(std::string_view text, const std::string& source) {
  try {
    return json::parse(text);
  } catch (const json::exception& problem) {
    throw Error(ErrorCode::bad_file, source + ": " + problem.what());
  }
}

// A token is a string or an object of AddedToken's fields.
AddedToken read_token(const json& value, const std::string& where) {
  if (value.is_string()) return {.content = value.get<std::string>(), .special = true, .normalized = false};
  const JsonFields fields(value, where);
  return {.content = fields.text("content"),
          .special = fields.boolean_or("special", true),
          .normalized = fields.boolean_or("normalized", false),
          .single_word = fields.boolean_or("single_word", false),
          .lstrip = fields.boolean_or("lstrip", false),
          .rstrip = fields.boolean_or("rstrip", false)};
}

std::optional<bool> optional_boolean(const JsonFields& fields, std::string_view key) {
  if (!fields.has(key)) return {};
  return fields.boolean(key);
}

// True for a template, or none, that has no tokens but those at the beginning and end of texts.
bool only_begins_and_ends(const json& post_processor, std::string_view bos, std::string_view eos) {
  if (post_processor.is_null()) return true;
  const auto type = post_processor.find("type");
  if (type == post_processor.end() || *type != "TemplateProcessing") return false;
  const auto tokens = post_processor.find("special_tokens");
  if (tokens == post_processor.end() || !tokens->is_object()) return false;
  for (const auto& [name, token] : tokens->items()) {
    if (name != bos && name != eos) return false;
  }
  return true;
}

json template_piece(const char* kind, std::string_view id, int type_id) {
  return {{kind, {{"id", id}, {"type_id", type_id}}}};
}

}  // namespace

void TokenizerConfig::read_special_tokens(const JsonFields& fields) {
  for (const char* key : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    if (!fields.has(key)) continue;
    AddedToken token = read_token(fields.value(key), fields.where() + "." + key);
    token.special = true;
    if (std::string_view(key) == "bos_token") bos_ = token.content;
    if (std::string_view(key) == "eos_token") eos_ = token.content;
    if (!token.content.empty()) added_.push_back(std::move(token));
  }
  if (!fields.has("additional_special_tokens")) return;
  for (const json& value : fields.list("additional_special_tokens")) {
    AddedToken token = read_token(value, fields.where() + ".additional_special_tokens");
    token.special = true;
    if (!token.content.empty()) added_.push_back(std::move(token));
  }
}

void TokenizerConfig::read_special_tokens_map(std::string_view text, const std::string& source) {
  const json document = parse(text, source);
  const std::string where = source + ": special_tokens_map";
  read_special_tokens(JsonFields(document, where));
}

void TokenizerConfig::read_tokenizer_config(std::string_view text, const std::string& source) {
  const json document = parse(text, source);
  const std::string where = source + ": tokenizer_config";
  const JsonFields fields(document, where);
  if (fields.has("added_tokens_decoder")) {
    for (const auto& [id, value] : fields.object("added_tokens_decoder").items()) {
      AddedToken token = read_token(value, where + ".added_tokens_decoder." + id);
      const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), token.id);
      if (error != std::errc() || end != id.data() + id.size())
        fields.fail("added_tokens_decoder", "has the id '" + id + "'");
      if (!token.content.empty()) added_.push_back(std::move(token));
    }
  }
  read_special_tokens(fields);
  add_bos_ = optional_boolean(fields, "add_bos_token");
  add_eos_ = optional_boolean(fields, "add_eos_token");
  clean_up_spaces_ = optional_boolean(fields, "clean_up_tokenization_spaces");
  do_lower_case_ = optional_boolean(fields, "do_lower_case");
}

void TokenizerConfig::read_generation_config(std::string_view text, const std::string& source) {
  const json document = parse(text, source);
  const std::string where = source + ": generation_config";
  const JsonFields fields(document, where);
  if (!fields.has("eos_token_id")) return;
  const json& value = fields.value("eos_token_id");
  for (const json& id : value.is_array() ? value : json::array({value})) {
    if (!id.is_number_integer() || id < 0) fields.fail("eos_token_id", "is " + value.dump() + ", not ids");
    stop_ids_.push_back(id.get<int64_t>());
  }
}

// Tokens that the tokenizer has already stay as they are, for tokenizer.json is the later word; others are added with
// the id that the file gives, or the next one.
void TokenizerConfig::add_token(TokenizerDescription& description, const AddedToken& token) const {
  auto& tokens = description.added_tokens;
  const auto known = std::find_if(tokens.begin(), tokens.end(),
                                  [&](const AddedToken& other) { return other.content == token.content; });
  if (known != tokens.end()) {
    known->special = known->special || token.special;
    return;
  }
  AddedToken added = token;
  const int32_t id = find_token(description, token.content);
  if (id >= 0) {
    added.id = id;
  } else if (added.id < 0) {
    added.id = static_cast<int32_t>(description.model.names.size());
    for (const AddedToken& other : tokens) added.id = std::max(added.id, other.id + 1);
  }
  tokens.push_back(std::move(added));
}

// `transformers` builds the template of Llama's and Gemma's tokenizers anew from add_bos_token and add_eos_token.
void TokenizerConfig::surround_texts(TokenizerDescription& description) const {
  if (!add_bos_ && !add_eos_) return;
  if (!only_begins_and_ends(description.post_processor, bos_, eos_)) return;
  const int32_t bos = add_bos_.value_or(false) ? find_token(description, bos_) : -1;
  const int32_t eos = add_eos_.value_or(false) ? find_token(description, eos_) : -1;
  if (bos < 0 && eos < 0) {
    description.post_processor = nullptr;
    return;
  }
  json single = json::array();
  json pair = json::array();
  json tokens = json::object();
  const auto add = [&](int32_t id, const std::string& name, int type_id) {
    if (id < 0) return;
    if (type_id == 0) single.push_back(template_piece("SpecialToken", name, 0));
    pair.push_back(template_piece("SpecialToken", name, type_id));
    tokens[name] = {{"id", name}, {"ids", {id}}, {"tokens", {name}}};
  };
  add(bos, bos_, 0);
  single.push_back(template_piece("Sequence", "A", 0));
  pair.push_back(template_piece("Sequence", "A", 0));
  add(eos, eos_, 0);
  add(bos, bos_, 1);
  pair.push_back(template_piece("Sequence", "B", 1));
  add(eos, eos_, 1);
  description.post_processor = {
      {"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", tokens}};
}

void TokenizerConfig::apply(TokenizerDescription& description) const {
  for (const AddedToken& token : added_) add_token(description, token);
  surround_texts(description);
  if (clean_up_spaces_) description.clean_up_spaces = *clean_up_spaces_;
  if (!bos_.empty()) description.bos = find_token(description, bos_);
  std::vector<int32_t>& stop_ids = description.stop_ids;
  if (!eos_.empty()) stop_ids.push_back(find_token(description, eos_));
  for (const int64_t id : stop_ids_) stop_ids.push_back(static_cast<int32_t>(std::min<int64_t>(id, INT32_MAX)));
  std::sort(stop_ids.begin(), stop_ids.end());
  stop_ids.erase(std::unique(stop_ids.begin(), stop_ids.end()), stop_ids.end());
  std::erase(stop_ids, -1);
}

}  // namespace tidemill
