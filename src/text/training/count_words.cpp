#include "text/training/count_words.h"

#include <algorithm>
#include <string>
#include <vector>

#include "text/normalized_text.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

constexpr size_t kPiecesPerBlock = 256;  // a splitter makes room for as many before it begins

class LineCounter {
 public:
  LineCounter(const WordRules& rules, WordCounts& counts) : rules_(rules), counts_(counts) {}

  void add(std::string_view line) {
    if (rules_.splitter) {
      add_split(line);
    } else {
      add_pre_tokenized(line);
    }
  }

 private:
  void add_split(std::string_view line) {
    for (size_t from = 0; from < line.size();) {
      pieces_.clear();
      from = rules_.splitter->split(line, from, std::min(line.size() - from, kPiecesPerBlock), pieces_);
      add_pieces(line);
    }
  }

  void add_pre_tokenized(std::string_view line) {
    NormalizedText text(line, NormalizedText::Track::no);
    if (rules_.normalizer) rules_.normalizer->apply(text);
    pieces_.clear();
    if (!text.text().empty()) pieces_.push_back({0, static_cast<uint32_t>(text.text().size())});
    rules_.pre_tokenizer->apply(text, pieces_);
    add_pieces(text.text());
  }

  void add_pieces(std::string_view text) {
    for (const ByteRange& piece : pieces_) counts_.add(text.substr(piece.begin, piece.end - piece.begin));
  }

  const WordRules& rules_;
  WordCounts& counts_;
  std::vector<ByteRange> pieces_;
};

bool is_ascii_word(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9');
}

}  // namespace

void count_words(std::string_view text, const WordRules& rules, WordCounts& counts) {
  std::string repaired;
  if (!is_utf8(text)) {
    repaired = replace_invalid_utf8(text);
    text = repaired;
  }
  LineCounter counter(rules, counts);
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    const size_t size = newline == text.npos ? text.size() : newline + 1;
    const bool drops_end = newline != text.npos && !rules.keep_line_ends;
    counter.add(text.substr(0, drops_end ? newline : size));
    text.remove_prefix(size);
  }
}

size_t last_line_cut(std::string_view text) {
  return text.rfind('\n') + 1;  // npos + 1 is 0
}

size_t last_word_cut(std::string_view text) {
  for (size_t space = text.rfind(' '); space != text.npos && space > 0; space = text.rfind(' ', space - 1)) {
    const bool after_word = is_ascii_word(text[space - 1]);
    if (after_word && space + 1 < text.size() && is_ascii_word(text[space + 1])) return space;
  }
  return 0;
}

}  // namespace tidemill
