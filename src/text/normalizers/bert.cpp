// BertNormalizer: the cleaning of Google's BERT, and its accents and lower case.  Devlin et al. 2018, arXiv:1810.04805.
//
// The steps run one after the other, because offsets depend on it; each passes over text that it would not change.
#include <array>
#include <utility>

#include "text/normalizers/edit_characters.h"
#include "text/normalizers/normalizers.h"
#include "text/unicode/unicode.h"
#include "text/words/ascii_words.h"

namespace tidemill {
namespace {

using unicode::Flag;

// White space but for the space itself, as far as cleaning has not dropped it as a control character.
bool becomes_space(char32_t c) {
  return c != ' ' && unicode::is_white_space(c);
}

void clean(NormalizedText& text) {
  constexpr AsciiSet kAscii = AsciiSet::of([](char32_t c) { return c < 0x20 || c == 0x7F; });
  edit_characters(text, kAscii, [](char32_t c, size_t begin, TextEdit& edit) {
    const unicode::Properties p = unicode::properties(c);
    if (p.has(Flag::hf_control)) {
      edit.keep_until(begin);
      edit.drop(utf8_size(edit.source()[begin]));
    } else if (becomes_space(c)) {
      edit.keep_until(begin);
      edit.replace(" ");
    }
  });
}

void surround_chinese(NormalizedText& text) {
  edit_characters(text, AsciiSet(), [](char32_t c, size_t begin, TextEdit& edit) {
    if (!unicode::is_bert_chinese(c)) return;
    const std::string_view character = edit.source().substr(begin, utf8_size(edit.source()[begin]));
    edit.keep_until(begin);
    edit.replace(" ");
    edit.insert(character);
    edit.insert(" ");
  });
}

void drop_nonspacing(NormalizedText& text) {
  edit_characters(text, AsciiSet(), [](char32_t c, size_t begin, TextEdit& edit) {
    if (!unicode::has(c, Flag::hf_nonspacing)) return;
    edit.keep_until(begin);
    edit.drop(utf8_size(edit.source()[begin]));
  });
}

// What all steps together make of the characters of ASCII.
class AsciiSteps {
 public:
  explicit AsciiSteps(const BertOptions& options) {
    for (size_t c = 0; c < map_.becomes.size(); ++c) {
      const auto character = static_cast<char32_t>(c);
      const bool is_capital = 'A' <= c && c <= 'Z';
      map_.becomes[c] = static_cast<uint8_t>(options.lowercase && is_capital ? c + ('a' - 'A') : c);
      if (!options.clean_text) continue;
      if (becomes_space(character)) map_.becomes[c] = ' ';
      if (unicode::has(character, Flag::hf_control)) map_.becomes[c] = AsciiMap::kNothing;
    }
  }

  // False when the text has other characters.
  bool apply(NormalizedText& text) const {
    const std::string_view old = text.text();
    if (skip_ascii(old, 0) < old.size()) return false;
    std::string result(old.size(), '\0');
    size_t size = 0;
    for (const char c : old) {
      const uint8_t becomes = map_.becomes[static_cast<size_t>(c)];
      result[size] = static_cast<char>(becomes);
      size += becomes != AsciiMap::kNothing;
    }
    result.resize(size);
    if (result != old) text.assign(std::move(result), {});
    return true;
  }

  const AsciiMap& map() const { return map_; }

 private:
  AsciiMap map_;
};

class BertNormalizer : public Normalizer {
 public:
  explicit BertNormalizer(const BertOptions& options)
      : ascii_(options), clean_text_(options.clean_text), handle_chinese_chars_(options.handle_chinese_chars) {
    if (options.strip_accents.value_or(options.lowercase)) decompose_ = make_normal_form(NormalForm::nfd);
    if (options.lowercase) lowercase_ = make_lowercase();
  }

  void apply(NormalizedText& text) const override {
    if (!text.tracked() && ascii_.apply(text)) return;
    if (clean_text_) clean(text);
    const bool ascii = skip_ascii(text.text(), 0) == text.text().size();
    if (!ascii && handle_chinese_chars_) surround_chinese(text);
    if (!ascii && decompose_) {
      decompose_->apply(text);
      drop_nonspacing(text);
    }
    if (lowercase_) lowercase_->apply(text);
  }

  WordBounds word_bounds() const override { return WordBounds::respected; }
  const AsciiMap* ascii_map() const override { return &ascii_.map(); }

 private:
  AsciiSteps ascii_;
  bool clean_text_, handle_chinese_chars_;
  NormalizerPtr decompose_, lowercase_;  // null when not asked for
};

}  // namespace

NormalizerPtr make_bert_normalizer(const BertOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

}  // namespace tidemill
