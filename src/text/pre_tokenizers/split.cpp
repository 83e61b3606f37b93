// Split: cuts at the matches of a string or of a regular expression.
#include <optional>
#include <utility>

#include "text/pre_tokenizers/cutting.h"
#include "text/regex/regex.h"
#include "text/split/split_patterns.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

// Occurrences of a string, as RegexMatches for the same as a regular expression.
class StringMatches {
 public:
  StringMatches(const std::string& pattern, std::string_view text, size_t from = 0)
      : pattern_(pattern), text_(text), next_(from) {}

  std::optional<Regex::Match> next() {
    if (next_ > text_.size()) return {};
    const size_t begin = text_.find(pattern_, next_);
    if (begin == text_.npos) return {};
    next_ = begin + pattern_.size();
    // The empty string is found between all characters and at both ends.
    if (pattern_.empty()) next_ += begin < text_.size() ? utf8_size(text_[begin]) : 1;
    return Regex::Match{begin, begin + pattern_.size()};
  }

 private:
  const std::string& pattern_;
  std::string_view text_;
  size_t next_;
};

// Each part is a match or what lies between two; none is joined with another.
template <typename Pattern, typename Matches>
class SeparateSplit : public CuttingPreTokenizer {
 public:
  SeparateSplit(Pattern pattern, SplitOptions options) : pattern_(std::move(pattern)), options_(options) {}

  size_t split(std::string_view text, size_t from, size_t max_pieces, std::vector<ByteRange>& pieces) const override {
    const size_t enough = pieces.size() + max_pieces;
    PieceAssembler assembler(options_, pieces);
    Matches matches(pattern_, text, from);
    size_t end = from;
    while (pieces.size() < enough) {
      const auto match = matches.next();
      const size_t begin = match ? match->begin : text.size();
      if (end < begin) assembler.add(end, begin, false);
      if (!match) return text.size();
      assembler.add(begin, match->end, true);
      end = match->end;
    }
    return end;
  }

 private:
  Pattern pattern_;
  SplitOptions options_;  // removed or isolated
};

template <typename Pattern, typename Matches>
class MergingSplit : public PreTokenizer {
 public:
  MergingSplit(Pattern pattern, SplitOptions options) : pattern_(std::move(pattern)), options_(options) {}

  void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const override {
    std::vector<ByteRange> parts;
    for (const ByteRange piece : pieces) {
      const size_t n_before = parts.size();
      cut(text.text().substr(piece.begin, piece.end - piece.begin), parts);
      for (size_t k = n_before; k < parts.size(); ++k) parts[k].begin += piece.begin, parts[k].end += piece.begin;
    }
    pieces = std::move(parts);
  }

 private:
  void cut(std::string_view text, std::vector<ByteRange>& parts) const {
    PieceAssembler assembler(options_, parts);
    Matches matches(pattern_, text);
    size_t end = 0;
    while (const auto match = matches.next()) {
      if (end < match->begin) assembler.add(end, match->begin, false);
      assembler.add(match->begin, match->end, true);
      end = match->end;
    }
    if (end < text.size()) assembler.add(end, text.size(), false);
    assembler.finish();
  }

  Pattern pattern_;
  SplitOptions options_;
};

template <typename Pattern, typename Matches>
PreTokenizerPtr make_split(Pattern pattern, SplitOptions options) {
  const bool separate = options.behavior == SplitBehavior::removed || options.behavior == SplitBehavior::isolated;
  if (separate) return std::make_unique<SeparateSplit<Pattern, Matches>>(std::move(pattern), options);
  return std::make_unique<MergingSplit<Pattern, Matches>>(std::move(pattern), options);
}

}  // namespace

PreTokenizerPtr make_split_string(std::string pattern, SplitOptions options) {
  return make_split<std::string, StringMatches>(std::move(pattern), options);
}

PreTokenizerPtr make_split_regex(std::string_view pattern, SplitOptions options, const std::string& where) {
  // The known patterns match everywhere, so that nothing lies between their matches.  Some are tiktoken's, whose
  // possessive "{1,3}+" would repeat here.
  const bool keeps_matches =
      options.behavior == SplitBehavior::isolated || (options.behavior == SplitBehavior::removed && options.invert);
  const bool same_here = pattern.find("{1,3}+") == pattern.npos;
  const Splitter* const known = keeps_matches && same_here ? find_split_pattern(pattern) : nullptr;
  if (known) return pre_tokenizer_of(*known);
  return make_split<Regex, RegexMatches>(Regex(pattern, where), options);
}

}  // namespace tidemill
