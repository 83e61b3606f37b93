// Text and origins come out as with Hugging Face, where every character of the new text says how many characters of the
// old one it stands for.  A replacement by nothing is then counted to the character before it, whatever that was, and
// lost at the start of the text, which shifts the origins of all that follows.
#include <algorithm>
#include <optional>
#include <utility>

#include "text/sentencepiece/charsmap.h"
#include "text/unicode/code_points.h"
#include "text/unicode/graphemes.h"

namespace tidemill {
namespace {

// Clusters from so many bytes on are replaced character by character.
constexpr size_t kLongGrapheme = 6;

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

// The new text, and how its characters follow from those of the old one.
class Transformation {
 public:
  explicit Transformation(const NormalizedText& old) : old_(old) { result_.reserve(old.text().size()); }

  void keep(std::string_view text) {
    result_ += text;
    add_characters(text);
  }

  void replace(std::string_view part, std::string_view by) {
    result_ += by;
    if (!old_.tracked()) return;
    add_characters(by);
    const auto n_old = static_cast<int64_t>(count_characters(part));
    const auto n_new = static_cast<int64_t>(count_characters(by));
    for (int64_t k = n_old; k < n_new; ++k)
      characters_[characters_.size() - static_cast<size_t>(k - n_old) - 1].change = 1;
    if (n_new < n_old && !characters_.empty()) characters_.back().change += n_new - n_old;
  }

  void finish(NormalizedText& text) {
    std::vector<TokenSpan> origins;
    if (old_.tracked()) origins = find_origins();
    text.assign(std::move(result_), std::move(origins));
  }

 private:
  struct Character {
    uint32_t n_bytes;
    int64_t change;  // 0: stands for one of the old text; 1: is added; -n: stands for n + 1
  };

  void add_characters(std::string_view text) {
    if (!old_.tracked()) return;
    for (size_t pos = 0; pos < text.size(); pos += utf8_size(text[pos])) {
      characters_.push_back({static_cast<uint32_t>(utf8_size(text[pos])), 0});
    }
  }

  std::vector<TokenSpan> find_origins() const {
    const std::string_view old = old_.text();
    std::vector<TokenSpan> origins;
    origins.reserve(result_.size());
    size_t pos = 0;
    for (const Character& character : characters_) {
      const bool added = character.change > 0;
      origins.insert(origins.end(), character.n_bytes, added ? origin_before(pos) : origin_at(pos));
      for (int64_t k = character.change; k <= 0 && pos < old.size(); ++k) pos += utf8_size(old[pos]);
    }
    return origins;
  }

  TokenSpan origin_before(size_t pos) const {
    const auto start = static_cast<int64_t>(old_.at());
    return pos == 0 ? TokenSpan{start, start} : origin_at(previous_start(old_.text(), pos));
  }
  TokenSpan origin_at(size_t pos) const {
    if (!old_.origins().empty()) return old_.origins()[pos];
    const size_t begin = old_.at() + pos;
    return {static_cast<int64_t>(begin), static_cast<int64_t>(begin + utf8_size(old_.text()[pos]))};
  }

  const NormalizedText& old_;
  std::string result_;
  std::vector<Character> characters_;  // of result_; only when tracked
};

class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(Charsmap map) : map_(std::move(map)) {}

  void apply(NormalizedText& text) const override {
    std::optional<Transformation> result;  // from the first rule on
    const std::string_view old = text.text();
    size_t kept = 0;  // what lies before is in the result
    each_rule(old, [&](size_t pos, Charsmap::Rule rule) {
      if (!result) result.emplace(text);
      result->keep(old.substr(kept, pos - kept));
      result->replace(old.substr(pos, rule.n_bytes), rule.replacement);
      kept = pos + rule.n_bytes;
    });
    if (!result) return;
    result->keep(old.substr(kept));
    result->finish(text);
  }

  // Clusters may have a space behind a character that is joined to what follows, or before marks.  They are replaced
  // character by character where no rule begins with the one or the other.
  WordBounds word_bounds() const override {
    if (map_.begins_rule(" ")) return WordBounds::crossed;
    for (const char& space : kWordSpaces) {
      const std::string_view text(&space, 1);
      if (map_.begins_rule(text) && map_.shortest(text).replacement != " ") return WordBounds::crossed;
    }
    for (const GraphemeRange& range : grapheme_ranges()) {
      if (range.value != GraphemeClass::prepend) continue;
      for (char32_t c = range.first; c <= range.last; ++c) {
        if (map_.begins_rule(Utf8Character(c))) return WordBounds::crossed;
      }
    }
    return WordBounds::crossed_by_marks;
  }

 private:
  // Calls act(position, rule) for what is replaced, n_bytes being all of it.
  template <typename Act>
  void each_rule(std::string_view text, Act&& act) const {
    for (size_t pos = skip_ascii_without_rules(text, 0); pos < text.size(); pos = skip_ascii_without_rules(text, pos)) {
      const size_t end = pos + grapheme_size(text.substr(pos));
      if (end - pos < kLongGrapheme) {
        const Charsmap::Rule rule = map_.shortest(text.substr(pos, end - pos));
        if (rule.n_bytes > 0) {
          act(pos, Charsmap::Rule{end - pos, rule.replacement});
          pos = end;
        }
      }
      for (; pos < end; pos += utf8_size(text[pos])) {
        const size_t size = utf8_size(text[pos]);
        const Charsmap::Rule rule = map_.shortest(text.substr(pos, size));
        if (rule.n_bytes > 0) act(pos, Charsmap::Rule{size, rule.replacement});
      }
    }
  }

  // Characters of ASCII before others of ASCII are clusters, save for "\r\n", which has no rule either.
  size_t skip_ascii_without_rules(std::string_view text, size_t pos) const {
    const auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
    while (pos + 1 < text.size() && (byte(pos) | byte(pos + 1)) < 0x80 && !map_.begins_rule_before_ascii(byte(pos))) {
      ++pos;
    }
    return pos;
  }

  Charsmap map_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_precompiled(std::string_view blob, const std::string& where) {
  return std::make_unique<Precompiled>(Charsmap(blob, where));
}

}  // namespace tidemill
