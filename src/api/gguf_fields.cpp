#include "api/gguf_fields.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "tidemill/error.h"

namespace tidemill::gguf_tokenizer {
namespace {

// `array`, the value of `key`, once it is known to have one entry per token.
const NumberArray& one_per_token(const GgufFile& file, const std::string& key, const NumberArray* array,
                                 size_t n_tokens) {
  if (!array) bad_key(file, key, "is missing");
  if (array->size() != n_tokens) {
    bad_key(file, key, "has " + std::to_string(array->size()) + " entries for " + std::to_string(n_tokens) + " tokens");
  }
  return *array;
}

}  // namespace

void bad_key(const GgufFile& file, const std::string& key, const std::string& why) {
  throw Error(ErrorCode::bad_file, file.path() + ": " + kPrefix + key + " " + why + "; convert the model again");
}

const StringList& read_tokens(const GgufFile& file) {
  const StringList* tokens = file.strings(kPrefix + "tokens");
  if (!tokens) bad_key(file, "tokens", "is missing");
  return *tokens;
}

std::vector<float> read_scores(const GgufFile& file, size_t n_tokens) {
  const NumberArray& array = one_per_token(file, "scores", file.numbers(kPrefix + "scores"), n_tokens);
  if (array.type != GgufType::f32) bad_key(file, "scores", "is not a list of f32");
  std::vector<float> scores(n_tokens);
  std::memcpy(scores.data(), array.bytes.data(), array.bytes.size());
  return scores;
}

std::vector<TokenType> read_types(const GgufFile& file, size_t n_tokens) {
  const NumberArray& array = one_per_token(file, "token_type", file.integers(kPrefix + "token_type"), n_tokens);
  std::vector<TokenType> types(n_tokens);
  const bool is_usual = array.type == GgufType::i32;
  const auto usual = [&](size_t id) {
    int32_t value = 0;
    std::memcpy(&value, array.bytes.data() + id * sizeof(value), sizeof(value));
    return value;
  };
  for (size_t id = 0; id < n_tokens; ++id) {
    const int64_t value = is_usual ? usual(id) : array.integer(id);
    if (value < static_cast<int64_t>(TokenType::normal) || value > static_cast<int64_t>(TokenType::byte)) {
      bad_key(file, "token_type", "of token " + std::to_string(id) + " is " + std::to_string(value) + ", not 1 to 6");
    }
    types[id] = static_cast<TokenType>(value);
  }
  return types;
}

int32_t read_id(const GgufFile& file, const std::string& key, size_t n_tokens, int32_t fallback) {
  const std::optional<int64_t> value = file.integer(kPrefix + key);
  if (!value) return fallback < static_cast<int64_t>(n_tokens) ? fallback : -1;
  if (*value == -1 || *value == std::numeric_limits<uint32_t>::max()) return -1;  // how files say "none"
  if (*value < 0 || *value >= static_cast<int64_t>(n_tokens)) {
    bad_key(file, key, "is " + std::to_string(*value) + ", but there are " + std::to_string(n_tokens) + " tokens");
  }
  return static_cast<int32_t>(*value);
}

std::vector<int32_t> read_stop_ids(const GgufFile& file, size_t n_tokens, int32_t eos) {
  std::vector<int32_t> ids{eos};
  for (const char* key : {"eot_token_id", "eom_token_id"}) ids.push_back(read_id(file, key, n_tokens, -1));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::erase(ids, -1);
  return ids;
}

}  // namespace tidemill::gguf_tokenizer
