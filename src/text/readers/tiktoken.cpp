// Encodings: github.com/openai/tiktoken, tiktoken_ext/openai_public.py (0.14.0).
#include "text/readers/tiktoken.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

#include "text/pieces/byte_alphabet.h"
#include "text/readers/base64.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int32_t kMaxRank = (1 << 21) - 1;

constexpr std::string_view kGpt2Pattern = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// As Oniguruma reads it, too, which Hugging Face's tokenizers use: there {1,3}+ is no possessive quantifier, and $ also
// matches before a line's end.
constexpr std::string_view kCl100kPattern =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|)"
    R"(\s+(?!\S)|\s)";
constexpr std::string_view kO200kPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct SpecialToken {
  std::string_view content;
  int32_t id;
};
constexpr SpecialToken kGpt2Special[] = {{"<|endoftext|>", 50256}};
constexpr SpecialToken kP50kEditSpecial[] = {
    {"<|endoftext|>", 50256}, {"<|fim_prefix|>", 50281}, {"<|fim_middle|>", 50282}, {"<|fim_suffix|>", 50283}};
constexpr SpecialToken kCl100kSpecial[] = {{"<|endoftext|>", 100257},
                                           {"<|fim_prefix|>", 100258},
                                           {"<|fim_middle|>", 100259},
                                           {"<|fim_suffix|>", 100260},
                                           {"<|endofprompt|>", 100276}};
constexpr SpecialToken kO200kSpecial[] = {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}};
constexpr SpecialToken kHarmonySpecial[] = {
    {"<|startoftext|>", 199998},
    {"<|endoftext|>", 199999},
    {"<|reserved_200000|>", 200000},
    {"<|reserved_200001|>", 200001},
    {"<|return|>", 200002},
    {"<|constrain|>", 200003},
    {"<|reserved_200004|>", 200004},
    {"<|channel|>", 200005},
    {"<|start|>", 200006},
    {"<|end|>", 200007},
    {"<|message|>", 200008},
    {"<|reserved_200009|>", 200009},
    {"<|reserved_200010|>", 200010},
    {"<|reserved_200011|>", 200011},
    {"<|call|>", 200012},
    {"<|endofprompt|>", 200018},
};
// Harmony reserves all ids from here on; one of them is o200k_base's end of prompt, too.
constexpr int32_t kFirstReserved = 200013;
constexpr int32_t kEndReserved = 201088;

struct EncodingRow {
  std::string_view name;
  std::string_view pattern;
  std::span<const SpecialToken> special;
  std::string_view end;  // the token after which generation ends
  bool harmony = false;
};
constexpr EncodingRow kEncodings[] = {
    {"gpt2", kGpt2Pattern, kGpt2Special, "<|endoftext|>"},
    {"r50k_base", kGpt2Pattern, kGpt2Special, "<|endoftext|>"},
    {"p50k_base", kGpt2Pattern, kGpt2Special, "<|endoftext|>"},
    {"p50k_edit", kGpt2Pattern, kP50kEditSpecial, "<|endoftext|>"},
    {"cl100k_base", kCl100kPattern, kCl100kSpecial, "<|endoftext|>"},
    {"o200k_base", kO200kPattern, kO200kSpecial, "<|endoftext|>"},
    {"o200k_harmony", kO200kPattern, kHarmonySpecial, "<|return|>", true},
};

const EncodingRow& encoding_of(std::string_view file_name, const std::string& source) {
  const std::string_view name = file_name.substr(0, file_name.find('.'));
  std::string known;
  for (const EncodingRow& row : kEncodings) {
    if (row.name == name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorCode::unsupported,
              source + ": rank files do not say which encoding they are; name the file after " + "one of " + known);
}

[[noreturn]] void bad_line(const std::string& source, size_t line, const std::string& why) {
  throw Error(ErrorCode::bad_file, source + ": line " + std::to_string(line) + " " + why +
                                       "; get the file again from where it was published");
}

struct Rank {
  std::string bytes;
  int32_t rank = -1;
};

// "IQ== 0"; no rank when the line is something else.
Rank read_line(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == line.npos) return {};
  std::optional<std::string> bytes = decode_base64(line.substr(0, space));
  int32_t rank = -1;
  const char* const end = line.data() + line.size();
  const auto [rest, error] = std::from_chars(line.data() + space + 1, end, rank);
  if (!bytes || bytes->empty() || error != std::errc() || rest != end) return {};
  return {std::move(*bytes), rank};
}

std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void add_special_tokens(const EncodingRow& encoding, TokenizerDescription& description) {
  const auto add = [&](std::string content, int32_t id) {
    description.added_tokens.push_back({.content = std::move(content), .id = id, .special = true, .normalized = false});
  };
  for (int32_t id = kFirstReserved; encoding.harmony && id < kEndReserved; ++id) {
    add("<|reserved_" + std::to_string(id) + "|>", id);
  }
  for (const SpecialToken& token : encoding.special) {
    add(std::string(token.content), token.id);
    if (token.content == encoding.end) description.stop_ids = {token.id};
  }
}

}  // namespace

bool is_tiktoken(std::string_view text) {
  return read_line(take_line(text)).rank >= 0;
}

TokenizerDescription read_tiktoken(std::string_view text, std::string_view file_name, const std::string& source) {
  const EncodingRow& encoding = encoding_of(file_name, source);
  TokenizerDescription description;
  description.source = source;
  ModelDescription& model = description.model;
  const auto names = std::make_shared<std::deque<std::string>>();
  // The file's size bounds the ranks, and with them the memory that they take.
  const int64_t max_rank = std::min<int64_t>(kMaxRank, std::ssize(text));
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty()) continue;
    const Rank rank = read_line(line);
    if (rank.rank < 0 || rank.rank > max_rank) bad_line(source, number, "is not a token in base64 and its rank");
    const auto id = static_cast<size_t>(rank.rank);
    if (id >= model.names.size()) model.names.resize(id + 1);
    if (!model.names[id].empty()) bad_line(source, number, "gives the rank " + std::to_string(id) + " a second time");
    model.names[id] = names->emplace_back(spell_bytes(rank.bytes));
    ++model.n_tokens;
  }
  description.storage = names;
  model.ranks_are_ids = true;
  model.ignore_merges = true;
  description.pre_tokenizer = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", encoding.pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}}}};
  description.decoder = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  add_special_tokens(encoding, description);
  description.standard_special_text = SpecialText::as_text;
  return description;
}

}  // namespace tidemill
