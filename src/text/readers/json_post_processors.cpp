#include "text/readers/json_sequence.h"
#include "text/readers/json_stages.h"

namespace tidemill {
namespace {

using nlohmann::json;

constexpr int64_t kMaxId = INT32_MAX;

int32_t read_id(const json& value, const JsonFields& fields, std::string_view key) {
  if (!value.is_number_integer() || value < 0 || value > kMaxId) fields.fail(key, "has " + value.dump() + " for an id");
  return value.get<int32_t>();
}

// ["[SEP]", 102]
int32_t named_id(const JsonFields& fields, std::string_view key) {
  const json& pair = fields.list(key);
  if (pair.size() != 2) fields.fail(key, "is not a token and its id");
  return read_id(pair[1], fields, key);
}

// {"Sequence": {"id": "A", "type_id": 0}} or {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
TemplatePiece read_piece(const json& value, const std::string& where, const JsonFields& special_tokens) {
  const JsonFields fields(value, where);
  const bool is_text = fields.has("Sequence");
  const std::string part_where = where + (is_text ? ".Sequence" : ".SpecialToken");
  const JsonFields part(fields.object(is_text ? "Sequence" : "SpecialToken"), part_where);
  TemplatePiece piece{
      .sequence = -1, .ids = {}, .type_id = static_cast<int32_t>(part.integer_or("type_id", 0, kMaxId, 0))};
  const std::string id = part.text("id");
  if (is_text) {
    if (id != "A" && id != "B") part.fail("id", "is '" + id + "', not A or B");
    piece.sequence = id == "A" ? 0 : 1;
    return piece;
  }
  if (!special_tokens.has(id)) part.fail("id", "is '" + id + "', which special_tokens lacks");
  const std::string token_where = special_tokens.where() + "." + id;
  const JsonFields token(special_tokens.object(id), token_where);
  for (const json& value_of_id : token.list("ids")) piece.ids.push_back(read_id(value_of_id, token, "ids"));
  return piece;
}

std::unique_ptr<const PostProcessor> make_template(const JsonFields& fields, const std::string& where) {
  const std::string tokens_where = where + ".special_tokens";
  const JsonFields special_tokens(fields.object("special_tokens"), tokens_where);
  const auto read = [&](std::string_view key) {
    return stages_from_json(fields, key, [&](const json& value, const std::string& piece_where) {
      return read_piece(value, piece_where, special_tokens);
    });
  };
  std::vector<TemplatePiece> single = read("single");
  for (const TemplatePiece& piece : single) {
    if (piece.sequence == 1) fields.fail("single", "has the second text of a pair");
  }
  return make_template_processing(std::move(single), read("pair"));
}

TrimOffsets trim_of(const JsonFields& fields) {
  return {.enabled = fields.boolean("trim_offsets"), .add_prefix_space = fields.boolean("add_prefix_space")};
}

}  // namespace

std::unique_ptr<const PostProcessor> post_processor_from_json(const json& value, const std::string& where) {
  if (value.is_null()) return nullptr;
  const JsonFields fields(value, where);
  const std::string type = fields.text("type");
  if (type == "TemplateProcessing") return make_template(fields, where);
  if (type == "BertProcessing") return make_bert_processing(named_id(fields, "cls"), named_id(fields, "sep"));
  if (type == "RobertaProcessing") {
    return make_roberta_processing(named_id(fields, "cls"), named_id(fields, "sep"), trim_of(fields));
  }
  if (type == "ByteLevel") return make_byte_level_processing(trim_of(fields));
  if (type == "Sequence") {
    return make_processing_sequence(stages_from_json(fields, "processors", post_processor_from_json));
  }
  fields.fail_unsupported("type", "is '" + type + "', which is not known");
}

}  // namespace tidemill
