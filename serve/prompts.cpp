#include "serve/prompts.h"

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr size_t kMostPrompts = 64;

Prompt read_prompt(const json& value, const ServedModel& model) {
  const Tokenizer& tokenizer = model.engine.tokenizer();
  if (value.is_string()) {
    std::string text = value.get<std::string>();
    auto ids = tokenizer.encode(text);
    return {.text = std::move(text), .ids = std::move(ids)};
  }
  auto ids = read_ids(value, model.engine.vocab_size(), "prompt");
  return {.text = tokenizer.decode(ids), .ids = std::move(ids)};
}

}  // namespace

std::vector<int32_t> read_ids(const json& list, int64_t vocab_size, const std::string& field) {
  const auto fail = [&](const std::string& why) {
    throw ApiError(400, "'" + field + "': " + why, field, "invalid_value");
  };
  if (!list.is_array()) fail("must be a list of token ids");
  std::vector<int32_t> ids;
  for (const json& id : list) {
    if (!id.is_number_integer()) fail("must be a list of token ids");
    if (id < 0 || id >= vocab_size)
      fail("token id " + id.dump() + " is outside the vocabulary of " + std::to_string(vocab_size));
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

std::vector<Prompt> read_prompts(const json& value, const ServedModel& model) {
  const bool is_list_of_prompts = value.is_array() && !value.empty() && !value[0].is_number();
  if (!is_list_of_prompts) return {read_prompt(value, model)};
  if (value.size() > kMostPrompts)
    throw ApiError(400, "'prompt': has more than " + std::to_string(kMostPrompts) + " entries", "prompt",
                   "invalid_value");
  std::vector<Prompt> prompts;
  for (const json& entry : value) prompts.push_back(read_prompt(entry, model));
  return prompts;
}

}  // namespace tidemill::serve
