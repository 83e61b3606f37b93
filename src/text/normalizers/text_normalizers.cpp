// Normalizers that look at more than one character: ends, substrings, sequences.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "text/normalizers/normalizers.h"
#include "text/regex/regex.h"
#include "text/text_edit.h"
#include "text/unicode/code_points.h"
#include "text/unicode/unicode.h"

namespace tidemill {
namespace {

class StripNormalizer : public Normalizer {
 public:
  explicit StripNormalizer(StripSides sides) : sides_(sides) {}

  void apply(NormalizedText& text) const override {
    const std::string_view source = text.text();
    const size_t begin = sides_.left ? leading_space(source) : 0;
    const size_t end = sides_.right ? trailing_space(source, begin) : source.size();
    TextEdit edit(text);
    edit.drop(begin);
    edit.keep_until(end);
    edit.drop(source.size() - end);
    edit.finish();
  }

 private:
  static size_t leading_space(std::string_view text) {
    size_t end = 0;
    for (size_t pos = 0; pos < text.size() && unicode::is_white_space(next_code_point(text, pos));) end = pos;
    return end;
  }

  // Where the white space begins that `text` ends with, but not before `low`.
  static size_t trailing_space(std::string_view text, size_t low) {
    size_t end = text.size();
    while (end > low) {
      const size_t begin = previous_start(text, end);
      size_t pos = begin;
      if (!unicode::is_white_space(next_code_point(text, pos))) break;
      end = begin;
    }
    return end;
  }

  StripSides sides_;
};

class PrependNormalizer : public Normalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}

  // The prefix belongs to the first character: `replace` and `insert` give both its origin.
  void apply(NormalizedText& text) const override {
    if (text.text().empty() || prefix_.empty()) return;
    TextEdit edit(text);
    const std::string_view first = edit.source().substr(0, utf8_size(edit.source()[0]));
    edit.replace(prefix_ + std::string(first));
    edit.finish();
  }

 private:
  std::string prefix_;
};

class ReplaceStringNormalizer : public Normalizer {
 public:
  ReplaceStringNormalizer(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void apply(NormalizedText& text) const override {
    if (pattern_.empty()) return insert_everywhere(text);
    if (pattern_.size() == 1 && content_.size() <= kShortContent && !text.tracked()) return replace_bytes(text);
    TextEdit edit(text);
    const std::string_view source = edit.source();
    for (size_t pos = source.find(pattern_); pos != source.npos; pos = source.find(pattern_, pos)) {
      edit.keep_until(pos);
      edit.drop(pattern_.size());
      edit.insert(content_);
      pos += pattern_.size();
    }
    edit.finish();
  }

  WordBounds word_bounds() const override {
    const bool within_words = !pattern_.empty() && pattern_.find_first_of(kWordSpaces) == pattern_.npos;
    return within_words ? WordBounds::respected : WordBounds::crossed;
  }

 private:
  static constexpr size_t kShortContent = 4;

  // A byte, a space as a rule, for up to four others: eight bytes at a time, each part written with what may be behind
  // it.
  void replace_bytes(NormalizedText& text) const {
    const std::string_view source = text.text();
    const auto n_found = static_cast<size_t>(std::count(source.begin(), source.end(), pattern_[0]));
    if (n_found == 0) return;
    const size_t size = source.size() - n_found + n_found * content_.size();
    std::string result(size + sizeof(uint64_t) + kShortContent, '\0');
    std::array<char, kShortContent> content{};
    std::copy(content_.begin(), content_.end(), content.begin());
    char* out = result.data();
    for (size_t pos = 0; pos < source.size(); pos += sizeof(uint64_t)) {
      size_t n_left = std::min(sizeof(uint64_t), source.size() - pos);
      uint64_t bytes = 0;
      std::memcpy(&bytes, source.data() + pos, n_left);
      uint64_t found = equal_bytes(bytes, pattern_[0]);
      if (n_left < sizeof(bytes)) found &= (uint64_t{1} << 8 * n_left) - 1;
      std::memcpy(out, &bytes, sizeof(bytes));
      while (found != 0) {
        const auto n_before = static_cast<size_t>(std::countr_zero(found)) / 8;
        std::memcpy(out + n_before, content.data(), kShortContent);
        out += n_before + content_.size();
        n_left -= n_before + 1;
        bytes = bytes >> 8 * n_before >> 8;
        found = found >> 8 * n_before >> 8;
        std::memcpy(out, &bytes, sizeof(bytes));
      }
      out += n_left;
    }
    result.resize(size);
    text.assign(std::move(result), {});
  }

  // The upper bit of each byte that is `wanted`.
  static uint64_t equal_bytes(uint64_t bytes, char wanted) {
    constexpr uint64_t kLower = 0x7F7F7F7F7F7F7F7Fu;
    const uint64_t other = bytes ^ (0x0101010101010101u * static_cast<uint8_t>(wanted));
    return ~(((other & kLower) + kLower) | other | kLower);
  }

  // The empty pattern matches between all characters and at both ends, but not in an empty text.
  void insert_everywhere(NormalizedText& text) const {
    if (text.text().empty() || content_.empty()) return;
    TextEdit edit(text);
    const std::string_view source = edit.source();
    for (size_t pos = 0; pos < source.size(); pos += utf8_size(source[pos])) {
      edit.keep_until(pos);
      edit.insert(content_);
    }
    edit.keep_until(source.size());
    edit.insert(content_);
    edit.finish();
  }

  std::string pattern_, content_;
};

class ReplaceRegexNormalizer : public Normalizer {
 public:
  ReplaceRegexNormalizer(Regex regex, std::string content) : regex_(std::move(regex)), content_(std::move(content)) {}

  void apply(NormalizedText& text) const override {
    if (text.text().empty()) return;
    TextEdit edit(text);
    RegexMatches matches(regex_, edit.source());
    while (const auto match = matches.next()) {
      edit.keep_until(match->begin);
      edit.drop(match->end - match->begin);
      edit.insert(content_);
    }
    edit.finish();
  }

 private:
  Regex regex_;
  std::string content_;
};

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<NormalizerPtr> normalizers) : normalizers_(std::move(normalizers)) {}

  void apply(NormalizedText& text) const override {
    for (const NormalizerPtr& normalizer : normalizers_) normalizer->apply(text);
  }

  WordBounds word_bounds() const override {
    WordBounds bounds = WordBounds::respected;
    for (const NormalizerPtr& normalizer : normalizers_) bounds = std::min(bounds, normalizer->word_bounds());
    return bounds;
  }

 private:
  std::vector<NormalizerPtr> normalizers_;
};

}  // namespace

NormalizerPtr make_strip(StripSides sides) {
  return std::make_unique<StripNormalizer>(sides);
}

NormalizerPtr make_prepend(std::string prefix) {
  return std::make_unique<PrependNormalizer>(std::move(prefix));
}

NormalizerPtr make_replace_string(std::string pattern, std::string content) {
  return std::make_unique<ReplaceStringNormalizer>(std::move(pattern), std::move(content));
}

NormalizerPtr make_replace_regex(std::string_view pattern, std::string content, const std::string& where) {
  return std::make_unique<ReplaceRegexNormalizer>(Regex(pattern, where), std::move(content));
}

NormalizerPtr make_normalizer_sequence(std::vector<NormalizerPtr> normalizers) {
  return std::make_unique<NormalizerSequence>(std::move(normalizers));
}

}  // namespace tidemill
