// Requests of `tidemill tokenize` that come line by line.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tidemill/tokenizer.h"

namespace tidemill::cli {

struct EncodeAnswer {
  bool offsets = false;  // add where each token lies, in characters
  bool full = false;     // add all that Encoding has
};

// {"text":..., "pair":..., "add_special_tokens":bool, "special_text":"parse"...} -> {"ids":[...], ...}, as JSON text.
// Throws invalid_argument for values that make no sense.
std::string encode_line(const Tokenizer& tokenizer, const nlohmann::json& line, EncodeAnswer wanted);

// {"ids":[...], "skip_special_tokens":bool, "stream":bool} -> {"text":...} or {"chunks":[...]}.
nlohmann::json decode_line(const std::shared_ptr<const Tokenizer>& tokenizer, const nlohmann::json& line);

// Prints the ids of every line of `input` ("-": standard input) as one line of numbers.
void print_ids_of_lines(const Tokenizer& tokenizer, const std::string& input);

// Numbers separated by `separator`.
void append_ids(std::span<const int32_t> ids, char separator, std::string& text);

}  // namespace tidemill::cli
