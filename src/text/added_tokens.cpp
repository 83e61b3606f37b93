#include "text/added_tokens.h"

#include <algorithm>
#include <map>
#include <utility>

#include "text/unicode/code_points.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

size_t skip_space_backward(std::string_view text, size_t begin) {
  while (begin > 0) {
    const DecodedCharacter last = last_character(text.substr(0, begin));
    if (!unicode::is_white_space(last.code_point)) break;
    begin -= last.n_bytes;
  }
  return begin;
}

size_t skip_space_forward(std::string_view text, size_t end) {
  while (end < text.size()) {
    const DecodedCharacter next = first_character(text.substr(end));
    if (!unicode::is_white_space(next.code_point)) break;
    end += next.n_bytes;
  }
  return end;
}

// \w of Rust's regular expressions.
bool is_word_character(char32_t c) {
  return unicode::is_word(c) || c == U'\u200C' || c == U'\u200D';
}

[[noreturn]] void throw_forbidden(const AddedToken& token) {
  throw Error(ErrorCode::invalid_argument, "text: it spells the special token '" + token.content +
                                               "', which is forbidden here; allow it, or encode it as plain text");
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer) : tokens_(std::move(tokens)) {
  std::map<std::string_view, size_t> by_spelling[3];
  spellings_.reserve(tokens_.size());
  for (const AddedToken& token : tokens_) {
    NormalizedText spelling(token.content, NormalizedText::Track::no);
    if (token.normalized && normalizer) normalizer->apply(spelling);
    spellings_.emplace_back(spelling.text());
  }
  for (size_t k = 0; k < tokens_.size(); ++k) {
    const Stage stage = tokens_[k].normalized ? Stage::normalized : Stage::original;
    if (spellings_[k].empty()) {
      if (!tokens_[k].content.empty()) spelled_by_nothing_ = static_cast<int32_t>(k);
      continue;
    }
    by_spelling[index_of(stage)][spellings_[k]] = k;
    if (stage == Stage::original && !tokens_[k].whole) by_spelling[index_of(Stage::raw)][spellings_[k]] = k;
  }
  for (size_t stage = 0; stage < 3; ++stage) {
    std::vector<SpecialTokens::Entry> entries;
    for (const auto& [spelling, k] : by_spelling[stage])
      entries.push_back({std::string(spelling), static_cast<int32_t>(k)});
    any_[stage] = !entries.empty();
    finders_[stage] = SpecialTokens(std::move(entries));
  }
  any_[index_of(Stage::normalized)] |= cut_everywhere();
}

// The next place where a token is spelled.
std::optional<SpecialTokens::Match> AddedTokens::find(Stage stage, std::string_view text, Cursor& cursor) const {
  const bool cuts = stage == Stage::normalized && cut_everywhere();
  while (cursor.searched <= text.size()) {
    if (cuts && cursor.searched < cursor.none_until) {
      const size_t at = cursor.searched;
      cursor.searched += at < text.size() ? utf8_size(text[at]) : 1;
      return SpecialTokens::Match{at, at, spelled_by_nothing_};
    }
    const auto found = finders_[index_of(stage)].find(text, cursor.searched);
    if (cuts && (!found || found->begin > cursor.searched)) {
      cursor.none_until = found ? found->begin : text.size() + 1;
      continue;
    }
    if (found) cursor.searched = found->end;
    return found;
  }
  return {};
}

bool AddedTokens::stands_alone(std::string_view text, size_t begin, size_t end) const {
  const bool free_before = begin == 0 || !is_word_character(last_character(text.substr(0, begin)).code_point);
  return free_before && (end == text.size() || !is_word_character(first_character(text.substr(end)).code_point));
}

std::optional<AddedTokens::Match> AddedTokens::next(Stage stage, std::string_view text, SpecialText special_text,
                                                    Cursor& cursor) const {
  while (const auto found = find(stage, text, cursor)) {
    const auto index = static_cast<size_t>(found->id);
    const AddedToken& token = tokens_[index];
    if (token.special && special_text == SpecialText::as_text) continue;
    if (token.single_word && !stands_alone(text, found->begin, found->end)) continue;
    const bool is_spelled = found->begin < found->end;
    if (is_spelled && token.special && special_text == SpecialText::forbid) throw_forbidden(token);
    size_t begin = found->begin;
    size_t end = found->end;
    if (token.lstrip) begin = std::max(skip_space_backward(text, begin), cursor.end);
    if (token.rstrip) end = skip_space_forward(text, end);
    cursor.end = end;
    return Match{begin, end, index};
  }
  return {};
}

}  // namespace tidemill
