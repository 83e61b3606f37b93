#include <algorithm>
#include <utility>

#include "text/pre_tokenizers/cutting.h"
#include "text/pre_tokenizers/pre_tokenizers.h"
#include "text/readers/json_sequence.h"
#include "text/readers/json_stages.h"
#include "text/split/split_stages.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

using nlohmann::json;

char32_t read_character(const JsonFields& fields, std::string_view key) {
  const std::string text = fields.text(key);
  size_t end = 0;
  const char32_t c = text.empty() ? 0 : next_code_point(text, end);
  if (text.empty() || end != text.size()) fields.fail(key, "is '" + text + "', not one character");
  return c;
}

SplitBehavior read_behavior(const JsonFields& fields, const std::string& fallback) {
  static constexpr std::pair<std::string_view, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous},
  };
  const std::string name = fields.text_or("behavior", fallback);
  const auto* const found =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& row) { return row.first == name; });
  if (found == std::end(kNames)) fields.fail("behavior", "is '" + name + "', which is not known");
  return found->second;
}

PreTokenizerPtr make_split(const JsonFields& fields) {
  const SplitOptions options{.behavior = read_behavior(fields, "Isolated"),
                             .invert = fields.boolean_or("invert", false)};
  const std::string pattern_where = fields.where() + ".pattern";
  const JsonFields pattern(fields.object("pattern"), pattern_where);
  if (pattern.has("String")) return make_split_string(pattern.text("String"), options);
  return make_split_regex(pattern.text("Regex"), options, pattern_where + ".Regex");
}

// Since tokenizers 0.15 prepend_scheme says what add_prefix_space said.
PreTokenizerPtr make_metaspace_from(const JsonFields& fields) {
  MetaspaceOptions options{.replacement = read_character(fields, "replacement"),
                           .prepend = PrependScheme::always,
                           .split = fields.boolean_or("split", true)};
  const std::string fallback = fields.boolean_or("add_prefix_space", true) ? "always" : "never";
  const std::string scheme = fields.text_or("prepend_scheme", fallback);
  if (scheme == "first") {
    options.prepend = PrependScheme::first;
  } else if (scheme == "never") {
    options.prepend = PrependScheme::never;
  } else if (scheme != "always") {
    fields.fail("prepend_scheme", "is '" + scheme + "', not always, first or never");
  }
  return make_metaspace(options);
}

PreTokenizerPtr make_sequence(const JsonFields& fields, Bytes bytes) {
  const PatternSequence known = find_split_stages(fields.list("pretokenizers").get_ref<const json::array_t&>());
  auto parts = stages_from_json(
      fields, "pretokenizers",
      [bytes](const json& value, const std::string& where) { return pre_tokenizer_from_json(value, where, bytes); },
      known.n_patterns);
  if (known.splitter) parts.insert(parts.begin(), pre_tokenizer_of(*known.splitter));
  return make_pre_tokenizer_sequence(std::move(parts));
}

constexpr int64_t kMaxFixedLength = int64_t{1} << 30;

}  // namespace

std::unique_ptr<const PreTokenizer> pre_tokenizer_from_json(const json& value, const std::string& where, Bytes bytes) {
  if (value.is_null()) return nullptr;
  const JsonFields fields(value, where);
  const std::string type = fields.text("type");
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "Whitespace") return make_whitespace();
  if (type == "WhitespaceSplit") return make_whitespace_split();
  if (type == "UnicodeScripts") return make_unicode_scripts();
  if (type == "Metaspace") return make_metaspace_from(fields);
  if (type == "Split") return make_split(fields);
  if (type == "Sequence") return make_sequence(fields, bytes);
  if (type == "CharDelimiterSplit") return make_char_delimiter_split(read_character(fields, "delimiter"));
  if (type == "Punctuation") return make_punctuation(read_behavior(fields, "Isolated"));
  if (type == "Digits") {
    return make_digits(fields.boolean_or("individual_digits", false) ? DigitRuns::single_digits : DigitRuns::whole);
  }
  if (type == "FixedLength") {
    return make_fixed_length(static_cast<size_t>(fields.integer_or("length", 0, kMaxFixedLength, 5)),
                             where + ".length");
  }
  if (type == "ByteLevel") {
    return make_byte_level({.add_prefix_space = fields.boolean("add_prefix_space"),
                            .use_regex = fields.boolean_or("use_regex", true),
                            .spell_bytes = bytes == Bytes::spelled});
  }
  fields.fail_unsupported("type", "is '" + type + "', which is not known");
}

}  // namespace tidemill
