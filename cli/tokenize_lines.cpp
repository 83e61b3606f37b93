#include "cli/tokenize_lines.h"

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

using nlohmann::json;

// The value of `key`, or `fallback` when the line has none.
template <typename T>
T value_or(const json& line, const char* key, T fallback) {
  return line.contains(key) ? line.at(key).get<T>() : fallback;
}

// The value that the text at `key` names; `values` begins with the one for a missing key.
template <typename T, size_t N>
T named_value(const json& line, const char* key, const std::pair<const char*, T> (&values)[N]) {
  if (!line.contains(key)) return values[0].second;
  const auto name = line.at(key).get<std::string>();
  std::string known;
  for (const auto& [value_name, value] : values) {
    if (name == value_name) return value;
    known += (known.empty() ? "" : ", ") + std::string(value_name);
  }
  throw Error(ErrorCode::invalid_argument, "\"" + std::string(key) + "\": '" + name + "' is not one of " + known);
}

int64_t count_at(const json& line, const char* key, int64_t fallback) {
  if (!line.contains(key)) return fallback;
  const json& value = line.at(key);
  const bool fits = value.is_number_integer() && value >= 0 && value <= std::numeric_limits<int32_t>::max();
  if (!fits) throw Error(ErrorCode::invalid_argument, "\"" + std::string(key) + "\": " + value.dump() + " is no count");
  return value.get<int64_t>();
}

SpecialText special_text_of(const json& line) {
  if (line.contains("parse_special_tokens")) {
    return line.at("parse_special_tokens").get<bool>() ? SpecialText::parse : SpecialText::as_text;
  }
  return named_value<SpecialText>(line, "special_text",
                                  {{"standard", SpecialText::standard},
                                   {"parse", SpecialText::parse},
                                   {"as_text", SpecialText::as_text},
                                   {"forbid", SpecialText::forbid}});
}

Side side_of(const json& line) {
  return named_value<Side>(line, "side", {{"right", Side::right}, {"left", Side::left}});
}

// An object of settings, or true for those of the tokenizer's file.
std::optional<Truncation> truncation_of(const json& line, const Tokenizer& tokenizer) {
  if (!line.contains("truncation")) return {};
  const json& value = line.at("truncation");
  if (value.is_boolean()) return value.get<bool>() ? tokenizer.truncation() : std::nullopt;
  using enum Truncation::Strategy;
  return Truncation{.max_length = static_cast<size_t>(count_at(value, "max_length", 512)),
                    .stride = static_cast<size_t>(count_at(value, "stride", 0)),
                    .strategy = named_value<Truncation::Strategy>(
                        value, "strategy",
                        {{"longest_first", longest_first}, {"only_first", only_first}, {"only_second", only_second}}),
                    .side = side_of(value)};
}

std::optional<Padding> padding_of(const json& line, const Tokenizer& tokenizer) {
  if (!line.contains("padding")) return {};
  const json& value = line.at("padding");
  if (value.is_boolean()) return value.get<bool>() ? tokenizer.padding() : std::nullopt;
  Padding padding{.multiple_of = static_cast<size_t>(count_at(value, "multiple_of", 0)),
                  .side = side_of(value),
                  .id = static_cast<int32_t>(count_at(value, "id", 0)),
                  .type_id = static_cast<int32_t>(count_at(value, "type_id", 0))};
  if (value.contains("length")) padding.length = static_cast<size_t>(count_at(value, "length", 0));
  return padding;
}

// Spans as pairs of character numbers; those of a pair's second text count there.
json character_offsets(const Encoding& encoding, const std::string& text, const std::string& pair) {
  std::vector<TokenSpan> offsets = character_spans(text, encoding.spans);
  if (!pair.empty()) {
    const std::vector<TokenSpan> in_pair = character_spans(pair, encoding.spans);
    for (size_t k = 0; k < offsets.size(); ++k) {
      if (encoding.sequence_ids[k] == 1) offsets[k] = in_pair[k];
    }
  }
  json pairs = json::array();
  for (const TokenSpan& span : offsets) pairs.push_back({span.begin, span.end});
  return pairs;
}

json encoding_answer(const Encoding& encoding, const std::string& text, const std::string& pair, bool full) {
  json answer{{"ids", encoding.ids}, {"offsets", character_offsets(encoding, text, pair)}};
  if (!full) return answer;
  json words = json::array();
  for (const int32_t word : encoding.word_ids) words.push_back(word < 0 ? json() : json(word));
  answer["word_ids"] = std::move(words);
  answer["type_ids"] = encoding.type_ids;
  answer["special_tokens_mask"] = encoding.special_tokens_mask;
  answer["attention_mask"] = encoding.attention_mask;
  json overflowing = json::array();
  for (const Encoding& part : encoding.overflowing) overflowing.push_back(encoding_answer(part, text, pair, true));
  answer["overflowing"] = std::move(overflowing);
  return answer;
}

std::vector<int32_t> ids_of(const json& line) {
  std::vector<int32_t> ids;
  for (const json& value : line.at("ids")) {
    const bool fits = value.is_number_integer() && value >= 0 && value <= std::numeric_limits<int32_t>::max();
    if (!fits) throw Error(ErrorCode::invalid_argument, "\"ids\": " + value.dump() + " is not a token id");
    ids.push_back(value.get<int32_t>());
  }
  return ids;
}

}  // namespace

void append_ids(std::span<const int32_t> ids, char separator, std::string& text) {
  for (size_t k = 0; k < ids.size(); ++k) {
    char digits[16];
    if (k > 0) text += separator;
    text.append(digits, std::to_chars(digits, digits + sizeof digits, ids[k]).ptr);
  }
}

std::string encode_line(const Tokenizer& tokenizer, const json& line, EncodeAnswer wanted) {
  const auto text = line.at("text").get<std::string>();
  const EncodeOptions options{.add_special_tokens = value_or(line, "add_special_tokens", true),
                              .special_text = special_text_of(line),
                              .truncation = truncation_of(line, tokenizer),
                              .padding = padding_of(line, tokenizer)};
  const bool is_pair = line.contains("pair");
  if (!is_pair && !wanted.offsets && !wanted.full) {
    std::string answer = "{\"ids\":[";
    append_ids(tokenizer.encode(text, options), ',', answer);
    return answer += "]}";
  }
  const auto pair = value_or(line, "pair", std::string());
  const Encoding encoding = is_pair ? tokenizer.encode_pair(text, pair, options) : tokenizer.encode_full(text, options);
  return encoding_answer(encoding, text, pair, wanted.full).dump();
}

json decode_line(const std::shared_ptr<const Tokenizer>& tokenizer, const json& line) {
  const std::vector<int32_t> ids = ids_of(line);
  const bool skip_special_tokens = value_or(line, "skip_special_tokens", true);
  if (!value_or(line, "stream", false)) return {{"text", tokenizer->decode(ids, skip_special_tokens)}};
  StreamDecoder decoder(tokenizer, skip_special_tokens);
  json chunks = json::array();
  for (const int32_t id : ids) {
    std::string chunk = decoder.push(id);
    chunks.push_back(chunk.empty() ? json() : json(std::move(chunk)));
  }
  return {{"chunks", std::move(chunks)}};
}

void print_ids_of_lines(const Tokenizer& tokenizer, const std::string& input) {
  std::ifstream file;
  if (input != "-") {
    file.open(input, std::ios::binary);
    if (!file) throw Error(ErrorCode::not_found, input + ": cannot be opened; check the name and its permissions");
  }
  std::istream& lines = input == "-" ? std::cin : file;
  std::string answer;
  for (std::string line; std::getline(lines, line); answer.clear()) {
    append_ids(tokenizer.encode(line), ' ', answer);
    answer += '\n';
    std::fwrite(answer.data(), 1, answer.size(), stdout);
  }
  if (lines.bad()) throw Error(ErrorCode::io, input + ": cannot be read");
}

}  // namespace tidemill::cli
