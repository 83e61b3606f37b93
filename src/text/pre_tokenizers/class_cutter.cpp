// Pre-tokenizers that cut by the class of single characters: white space, punctuation, digits, one delimiter.
//
// Each class is dropped, cut into single characters, or kept in runs.  A table classifies ASCII.
#include <array>

#include "text/pre_tokenizers/cutting.h"
#include "text/unicode/code_points.h"
#include "text/unicode/unicode.h"

namespace tidemill {
namespace {

using unicode::Flag;

using Class = CharacterClass;
using Classify = Class (*)(char32_t c, char32_t delimiter);

class ClassCutter : public CuttingPreTokenizer {
 public:
  // `delimiter` is passed on to `classify`.
  explicit ClassCutter(Classify classify, char32_t delimiter = 0) : classify_(classify), delimiter_(delimiter) {
    for (size_t c = 0; c < ascii_.size(); ++c) ascii_[c] = classify(static_cast<char32_t>(c), delimiter);
  }

  size_t split(std::string_view text, size_t from, size_t max_pieces, std::vector<ByteRange>& pieces) const override {
    size_t pos = from;
    for (size_t n = 0; n < max_pieces && pos < text.size();) {
      const size_t begin = pos;
      const Class found = class_at(text, pos);
      if (found == Class::dropped) continue;
      while (found != Class::single && pos < text.size()) {
        size_t end = pos;
        if (class_at(text, end) != found) break;
        pos = end;
      }
      pieces.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(pos)});
      ++n;
    }
    return pos;
  }

  const AsciiClasses* ascii_classes() const override { return &ascii_; }

  bool drops_white_space() const override {
    constexpr char32_t kLastWhiteSpace = 0x3000;
    for (char32_t c = 0; c <= kLastWhiteSpace; ++c) {
      if (unicode::is_white_space(c) && classify_(c, delimiter_) != Class::dropped) return false;
    }
    return true;
  }

 private:
  // Moves `pos` behind the character.
  Class class_at(std::string_view text, size_t& pos) const {
    const uint8_t byte = static_cast<uint8_t>(text[pos]);
    if (byte < 0x80) {
      ++pos;
      return ascii_[byte];
    }
    return classify_(next_code_point(text, pos), delimiter_);
  }

  Classify classify_;
  char32_t delimiter_;
  AsciiClasses ascii_;
};

bool is_punctuation(char32_t c) {
  return unicode::has(c, Flag::hf_punctuation);
}

Class of_words(char32_t c, char32_t) {
  const bool joiner = c == 0x200C || c == 0x200D;  // in \w of Rust's regex
  if (unicode::is_word(c) || joiner) return Class::run;
  return unicode::is_white_space(c) ? Class::dropped : Class::other_run;
}

Class of_white_space(char32_t c, char32_t) {
  return unicode::is_white_space(c) ? Class::dropped : Class::run;
}

Class of_bert(char32_t c, char32_t) {
  if (unicode::is_white_space(c)) return Class::dropped;
  return is_punctuation(c) ? Class::single : Class::run;
}

Class of_delimiter(char32_t c, char32_t delimiter) {
  return c == delimiter ? Class::dropped : Class::run;
}

Class of_digits(char32_t c, char32_t) {
  return unicode::has(c, Flag::numeric) ? Class::single : Class::run;
}

Class of_digit_runs(char32_t c, char32_t) {
  return unicode::has(c, Flag::numeric) ? Class::other_run : Class::run;
}

Class of_single_punctuation(char32_t c, char32_t) {
  return is_punctuation(c) ? Class::single : Class::run;
}

Class of_dropped_punctuation(char32_t c, char32_t) {
  return is_punctuation(c) ? Class::dropped : Class::run;
}

Class of_punctuation_runs(char32_t c, char32_t) {
  return is_punctuation(c) ? Class::other_run : Class::run;
}

// A piece may hold two classes here, so the assembler puts it together.
class MergingPunctuation : public PreTokenizer {
 public:
  explicit MergingPunctuation(SplitBehavior behavior) : behavior_(behavior) {}

  void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const override {
    const std::string_view source = text.text();
    std::vector<ByteRange> parts;
    for (const ByteRange piece : pieces) {
      PieceAssembler assembler({.behavior = behavior_}, parts);
      size_t begin = piece.begin;
      for (size_t pos = begin; pos < piece.end;) {
        const size_t at = pos;
        if (!is_punctuation(next_code_point(source, pos))) continue;
        if (begin < at) assembler.add(begin, at, false);
        assembler.add(at, pos, true);
        begin = pos;
      }
      if (begin < piece.end) assembler.add(begin, piece.end, false);
      assembler.finish();
    }
    pieces = std::move(parts);
  }

 private:
  SplitBehavior behavior_;
};

}  // namespace

PreTokenizerPtr make_whitespace() {
  return std::make_unique<ClassCutter>(of_words);
}

PreTokenizerPtr make_whitespace_split() {
  return std::make_unique<ClassCutter>(of_white_space);
}

PreTokenizerPtr make_bert_pre_tokenizer() {
  return std::make_unique<ClassCutter>(of_bert);
}

PreTokenizerPtr make_char_delimiter_split(char32_t delimiter) {
  return std::make_unique<ClassCutter>(of_delimiter, delimiter);
}

PreTokenizerPtr make_digits(DigitRuns runs) {
  return std::make_unique<ClassCutter>(runs == DigitRuns::whole ? of_digit_runs : of_digits);
}

PreTokenizerPtr make_punctuation(SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::removed:
      return std::make_unique<ClassCutter>(of_dropped_punctuation);
    case SplitBehavior::isolated:
      return std::make_unique<ClassCutter>(of_single_punctuation);
    case SplitBehavior::contiguous:
      return std::make_unique<ClassCutter>(of_punctuation_runs);
    case SplitBehavior::merged_with_previous:
    case SplitBehavior::merged_with_next:
      break;
  }
  return std::make_unique<MergingPunctuation>(behavior);
}

}  // namespace tidemill
