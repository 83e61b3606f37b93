#include "text/sentencepiece/sentencepiece_normalizer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "text/pieces/byte_trie.h"
#include "text/pieces/space_symbol.h"
#include "text/sentencepiece/kept_characters.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

constexpr char kSpace = ' ';

class SentencePieceNormalizer final : public Normalizer, public WordNormalizer {
 public:
  SentencePieceNormalizer(Charsmap map, const WhitespaceRules& rules, std::span<const std::string_view> user_defined)
      : map_(std::move(map)),
        rules_(rules),
        user_defined_(trie_entries(user_defined)),
        kept_(map_, user_defined_),
        space_(rules.escape_whitespaces ? kSpaceSymbol : " "),
        has_words_(words_stand_alone(user_defined)) {}

  void apply(NormalizedText& text) const override;

  const WordNormalizer* by_words() const override { return has_words_ ? this : nullptr; }
  bool append_word(std::string_view word, std::string& out) const override;

 private:
  struct Step {
    std::string_view text;  // what the next bytes become
    size_t n_bytes;
  };
  class Pass;

  bool words_stand_alone(std::span<const std::string_view> user_defined) const;

  Step step(std::string_view text) const {
    ByteTrie::Node node = ByteTrie::kRoot;
    size_t n_symbol = 0;
    for (size_t pos = 0; pos < text.size() && user_defined_.step(node, static_cast<uint8_t>(text[pos]));) {
      ++pos;
      if (user_defined_.value(node) >= 0) n_symbol = pos;
    }
    if (n_symbol > 0) return {text.substr(0, n_symbol), n_symbol};
    const Charsmap::Rule rule = map_.longest(text);
    if (rule.n_bytes > 0) return {rule.replacement, rule.n_bytes};
    const size_t size = utf8_size(text[0]);
    return {text.substr(0, size), size};
  }

  Charsmap map_;
  WhitespaceRules rules_;
  ByteTrie user_defined_;
  KeptCharacters kept_;
  std::string_view space_;
  bool has_words_;
};

class SentencePieceNormalizer::Pass {
 public:
  Pass(const SentencePieceNormalizer& normalizer, const NormalizedText& text)
      : normalizer_(normalizer), rules_(normalizer.rules_), text_(text.text()), tracked_(text.tracked()) {
    result_.reserve(text_.size() + text_.size() / 2 + 16);
  }

  void run() {
    if (rules_.remove_extra_whitespaces) skip_spaces();
    if (pos_ == text_.size()) return;
    if (!rules_.as_suffix && rules_.add_dummy_prefix) append(normalizer_.space_);
    after_space_ = rules_.remove_extra_whitespaces;
    while (pos_ < text_.size()) {
      keep_run();
      if (pos_ < text_.size()) take(normalizer_.step(text_.substr(pos_)));
    }
    if (rules_.remove_extra_whitespaces) drop_last_spaces();
    if (rules_.as_suffix && rules_.add_dummy_prefix) append(normalizer_.space_);
  }

  void finish(NormalizedText& text) {
    std::vector<TokenSpan> origins;
    if (tracked_) {
      starts_.push_back(pos_);
      origins.reserve(result_.size());
      for (size_t k = 0; k < result_.size(); ++k) {
        origins.push_back({place_in_original(text, starts_[k]), place_in_original(text, starts_[k + 1])});
      }
    }
    text.assign(std::move(result_), std::move(origins));
  }

 private:
  static int64_t place_in_original(const NormalizedText& text, size_t pos) {
    if (text.origins().empty()) return static_cast<int64_t>(text.at() + pos);
    return pos < text.origins().size() ? text.origins()[pos].begin : text.origins().back().end;
  }

  void skip_spaces() {
    while (pos_ < text_.size()) {
      const Step step = normalizer_.step(text_.substr(pos_));
      if (step.text != " ") break;
      pos_ += step.n_bytes;
    }
  }

  // Passes what surely stays as it is, save for spaces.
  void keep_run() {
    const KeptCharacters& kept = normalizer_.kept_;
    while (pos_ < text_.size()) {
      if (!tracked_) keep_ascii(kept.skip_ascii(text_, pos_));
      const size_t begin = pos_;
      while (pos_ < text_.size() && text_[pos_] != kSpace && kept.contains(text_, pos_)) {
        pos_ += utf8_size(text_[pos_]);
      }
      if (pos_ > begin) {
        append_kept(begin);
        after_space_ = false;
      }
      if (pos_ == text_.size() || text_[pos_] != kSpace || !kept.contains(text_, pos_)) return;
      if (!after_space_) append(normalizer_.space_);
      after_space_ = rules_.remove_extra_whitespaces;
      ++pos_;
    }
  }

  // The same up to `end`, all being ASCII: words are copied eight bytes at a time.
  void keep_ascii(size_t end) {
    constexpr size_t kPart = 1024;
    std::array<char, kPart * kSpaceSymbol.size() + sizeof(uint64_t)> written;
    while (pos_ < end) {
      const size_t part_end = std::min(pos_ + kPart, end);
      char* out = written.data();
      while (pos_ < part_end) {
        if (text_[pos_] != kSpace) {
          out = copy_word(part_end, out);
          after_space_ = false;
          continue;
        }
        if (!after_space_) out = std::copy(normalizer_.space_.begin(), normalizer_.space_.end(), out);
        after_space_ = rules_.remove_extra_whitespaces;
        ++pos_;
      }
      result_.append(written.data(), out);
    }
  }

  // Copies what is before the next space or `end`; may write seven bytes more.
  char* copy_word(size_t end, char* out) {
    for (size_t n = sizeof(uint64_t); n == sizeof(uint64_t) && pos_ < end;) {
      uint64_t word = 0;
      std::memcpy(&word, text_.data() + pos_, std::min(sizeof(word), text_.size() - pos_));
      std::memcpy(out, &word, sizeof(word));
      const uint64_t other = word ^ 0x2020202020202020u;
      const uint64_t spaces = (other - 0x0101010101010101u) & ~other & 0x8080808080808080u;
      if (spaces != 0) n = static_cast<size_t>(std::countr_zero(spaces)) / 8;
      const size_t size = std::min(n, end - pos_);
      pos_ += size;
      out += size;
    }
    return out;
  }

  void take(Step step) {
    std::string_view text = step.text;
    while (after_space_ && text.starts_with(kSpace)) text.remove_prefix(1);
    if (text.find(kSpace) == text.npos) {
      append(text);
    } else {
      for (const char byte : text) append(byte == kSpace ? normalizer_.space_ : std::string_view(&byte, 1));
    }
    if (!text.empty()) after_space_ = text.ends_with(kSpace);
    after_space_ &= rules_.remove_extra_whitespaces;
    pos_ += step.n_bytes;
  }

  void drop_last_spaces() {
    while (result_.ends_with(normalizer_.space_)) {
      const size_t size = result_.size() - normalizer_.space_.size();
      result_.resize(size);
      if (!tracked_) continue;
      pos_ = starts_[size];
      starts_.resize(size);
    }
  }

  // Bytes that stand for what lies at pos_.
  void append(std::string_view bytes) {
    result_ += bytes;
    if (tracked_) starts_.insert(starts_.end(), bytes.size(), pos_);
  }

  // The text from `begin` to pos_ as it is.
  void append_kept(size_t begin) {
    result_ += text_.substr(begin, pos_ - begin);
    if (!tracked_) return;
    for (size_t pos = begin; pos < pos_;) {
      const size_t size = utf8_size(text_[pos]);
      starts_.insert(starts_.end(), size, pos);
      pos += size;
    }
  }

  const SentencePieceNormalizer& normalizer_;
  const WhitespaceRules& rules_;
  std::string_view text_;
  bool tracked_;
  size_t pos_ = 0;
  bool after_space_ = false;  // more spaces are left out
  std::string result_;
  std::vector<size_t> starts_;  // of what each byte of result_ stands for; only when tracked
};

void SentencePieceNormalizer::apply(NormalizedText& text) const {
  if (text.text().empty()) return;
  Pass pass(*this, text);
  pass.run();
  pass.finish(text);
}

// Whether every stretch of white space becomes one U+2581 before what follows it, and nothing else depends on it.
bool SentencePieceNormalizer::words_stand_alone(std::span<const std::string_view> user_defined) const {
  if (!rules_.add_dummy_prefix || !rules_.remove_extra_whitespaces || !rules_.escape_whitespaces || rules_.as_suffix) {
    return false;
  }
  for (const char& space : kWordSpaces) {
    const auto byte = static_cast<uint8_t>(space);
    const Charsmap::Rule rule = map_.shortest({&space, 1});
    if (space == kSpace ? rule.n_bytes > 0 : rule.replacement != " ") return false;
    if (map_.begins_longer_rule(byte) || map_.may_go_on_with(byte)) return false;
  }
  const auto has_space = [](std::string_view symbol) { return symbol.find_first_of(kWordSpaces) != symbol.npos; };
  return !map_.replaces_by(kSpaceSymbol) && std::none_of(user_defined.begin(), user_defined.end(), has_space);
}

// A U+2581 of the text itself is left out at its end only, so that the word depends on what follows.
bool SentencePieceNormalizer::append_word(std::string_view word, std::string& out) const {
  if (word.find(kSpaceSymbol) != word.npos) return false;
  if (kept_.contain_all(word)) {
    out.append(kSpaceSymbol).append(word);
    return true;
  }
  NormalizedText normalized(word, NormalizedText::Track::no);
  apply(normalized);
  out += normalized.text();
  return true;
}

}  // namespace

std::unique_ptr<const Normalizer> make_sentencepiece_normalizer(Charsmap map, const WhitespaceRules& rules,
                                                                std::span<const std::string_view> user_defined) {
  return std::make_unique<SentencePieceNormalizer>(std::move(map), rules, user_defined);
}

}  // namespace tidemill
