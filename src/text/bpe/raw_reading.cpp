// Why the model may find added tokens itself, after all others were found: a text has the same matches in both orders
// where none of the others shares a part with one of them, in any way in which two spellings can overlap; also where
// special tokens stay text, in which nothing else is looked for.
#include "text/bpe/raw_reading.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "text/pieces/byte_trie.h"
#include "text/pieces/space_symbol.h"

namespace tidemill {
namespace {

using nlohmann::json;

std::string type_of(const json& stage) {
  return stage.is_object() ? stage.value("type", "") : "";
}

bool replaces_spaces(const json& normalizer) {
  return type_of(normalizer) == "Replace" && normalizer.at("pattern").contains("String") &&
         normalizer["pattern"]["String"] == " " && normalizer.at("content") == kSpaceSymbol;
}

bool prepends_space(const json& normalizer) {
  return type_of(normalizer) == "Prepend" && normalizer.at("prepend") == kSpaceSymbol;
}

// What a normalizer puts before texts whose spaces it turns into U+2581; nothing when it is another one.
std::optional<RawText::Prefix> prefix_of_normalizer(const json& normalizer) {
  if (replaces_spaces(normalizer)) return RawText::Prefix::none;
  if (type_of(normalizer) != "Sequence") return {};
  const json& steps = normalizer.at("normalizers");
  const bool is_known = steps.size() == 2 && prepends_space(steps[0]) && replaces_spaces(steps[1]);
  return is_known ? std::optional(RawText::Prefix::always) : std::nullopt;
}

// The same for a pre-tokenizer without a normalizer before it.
std::optional<RawText::Prefix> prefix_of_metaspace(const json& stage) {
  if (type_of(stage) != "Metaspace" || stage.value("split", true)) return {};
  if (stage.value("replacement", std::string(kSpaceSymbol)) != kSpaceSymbol) return {};
  const std::string scheme = stage.value("prepend_scheme", "always");
  if (scheme == "never") return RawText::Prefix::none;
  if (scheme == "first") return RawText::Prefix::at_start_unless_there;
  return scheme == "always" ? std::optional(RawText::Prefix::unless_there) : std::nullopt;
}

// True when there is nothing left to cut in a text without spaces.
bool keeps_unspaced(const json& stage) {
  if (stage.is_null()) return true;
  return type_of(stage) == "Split" && stage.at("pattern").contains("String") && stage["pattern"]["String"] == " " &&
         !stage.value("invert", false);
}

std::optional<RawText::Prefix> prefix_of(const TokenizerDescription& description) {
  if (description.normalizer.is_null()) return prefix_of_metaspace(description.pre_tokenizer);
  return keeps_unspaced(description.pre_tokenizer) ? prefix_of_normalizer(description.normalizer) : std::nullopt;
}

// Whether what begins at byte `at` of `spelling` begins as one of the keys does, or with one.
bool meets(const ByteTrie& keys, std::string_view spelling, size_t at) {
  ByteTrie::Node node = ByteTrie::kRoot;
  for (; at < spelling.size() && keys.step(node, static_cast<uint8_t>(spelling[at])); ++at) {
    if (keys.value(node) >= 0) return true;
  }
  return at == spelling.size();
}

bool overlap(std::span<const RawText::Whole> wholes, std::span<const std::string_view> others) {
  const auto meets_within = [](const ByteTrie& keys, std::string_view spelling, size_t from) {
    for (size_t at = from; at < spelling.size(); ++at) {
      if (meets(keys, spelling, at)) return true;
    }
    return false;
  };
  std::vector<ByteTrie::Entry> entries;
  for (const std::string_view other : others) entries.push_back({other, 0});
  const ByteTrie other_trie(std::move(entries));
  std::array<bool, 256> begins_whole{};
  for (const RawText::Whole& whole : wholes) {
    if (meets_within(other_trie, whole.text, 0)) return true;
    begins_whole[static_cast<uint8_t>(whole.text[0])] = true;
  }
  // Those that begin alike were found.  A trie of all wholes is seldom needed to see that there are no more.
  const auto may_meet = [&](std::string_view other) {
    return std::any_of(other.begin() + 1, other.end(), [&](char c) { return begins_whole[static_cast<uint8_t>(c)]; });
  };
  if (std::none_of(others.begin(), others.end(), may_meet)) return false;
  entries.clear();
  for (const RawText::Whole& whole : wholes) entries.push_back({whole.text, 0});
  const ByteTrie whole_trie(std::move(entries));
  return std::any_of(others.begin(), others.end(),
                     [&](std::string_view other) { return meets_within(whole_trie, other, 1); });
}

bool has_plain_bounds(const AddedToken& token) {
  return !token.single_word && !token.lstrip && !token.rstrip;
}

}  // namespace

std::vector<RawText::Whole> take_wholes(std::span<AddedToken> tokens) {
  if (!std::all_of(tokens.begin(), tokens.end(), has_plain_bounds)) return {};
  std::vector<RawText::Whole> wholes;
  std::vector<std::string_view> others;
  // Texts with U+2581 go through the stages, where those that are left are found.
  const auto is_whole = [](const AddedToken& token) {
    return !token.special && token.content.find(kSpaceSymbol) == std::string::npos;
  };
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) return {};
    if (is_whole(token)) {
      wholes.push_back({token.content, token.id});
    } else {
      others.push_back(token.content);
    }
  }
  if (wholes.empty() || overlap(wholes, others)) return {};
  for (AddedToken& token : tokens) token.whole = is_whole(token);
  return wholes;
}

std::optional<RawText> take_raw_text(TokenizerDescription& description) {
  const std::optional<RawText::Prefix> prefix = prefix_of(description);
  const std::span<AddedToken> added = description.added_tokens;
  if (!prefix || std::any_of(added.begin(), added.end(), [](const AddedToken& token) { return token.normalized; })) {
    return {};
  }
  RawText raw{.prefix = *prefix, .wholes = {}};
  // Each stretch of text between added tokens gets its prefix.
  if (*prefix == RawText::Prefix::none) raw.wholes = take_wholes(added);
  return raw;
}

}  // namespace tidemill
