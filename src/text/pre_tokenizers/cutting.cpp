#include "text/pre_tokenizers/cutting.h"

#include <utility>

namespace tidemill {
namespace {

class SplitterPreTokenizer : public PreTokenizer {
 public:
  explicit SplitterPreTokenizer(const Splitter& splitter) : splitter_(splitter) {}

  void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const override {
    cut_pieces(splitter_, text.text(), pieces);
  }
  const Splitter* as_splitter() const override { return &splitter_; }

 private:
  const Splitter& splitter_;
};

}  // namespace

PreTokenizerPtr pre_tokenizer_of(const Splitter& splitter) {
  return std::make_unique<SplitterPreTokenizer>(splitter);
}

void cut_pieces(const Splitter& splitter, std::string_view text, std::vector<ByteRange>& pieces) {
  std::vector<ByteRange> parts;
  for (const ByteRange piece : pieces) {
    const std::string_view view = text.substr(piece.begin, piece.end - piece.begin);
    const size_t n_before = parts.size();
    for (size_t pos = 0; pos < view.size();) pos = splitter.split(view, pos, view.size(), parts);
    if (piece.begin == 0) continue;
    for (size_t k = n_before; k < parts.size(); ++k) parts[k].begin += piece.begin, parts[k].end += piece.begin;
  }
  pieces = std::move(parts);
}

void PieceAssembler::add(size_t begin, size_t end, bool matches) {
  if (options_.invert) matches = !matches;
  const ByteRange piece{static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  switch (options_.behavior) {
    case SplitBehavior::removed:
      if (!matches) put(piece);
      break;
    case SplitBehavior::isolated:
      put(piece);
      break;
    case SplitBehavior::merged_with_previous:
      extend_or_put(piece, matches && !previous_matches_);
      break;
    case SplitBehavior::merged_with_next:
      extend_or_put(piece, !matches && previous_matches_);
      break;
    case SplitBehavior::contiguous:
      extend_or_put(piece, matches == previous_matches_);
      break;
  }
  previous_matches_ = matches;
}

void PieceAssembler::finish() {
  if (holds_) put(held_);
  holds_ = false;
}

void PieceAssembler::put(ByteRange piece) {
  if (piece.begin < piece.end) pieces_.push_back(piece);
}

void PieceAssembler::extend_or_put(ByteRange piece, bool extend) {
  if (holds_ && extend) {
    held_.end = piece.end;
    return;
  }
  finish();
  held_ = piece;
  holds_ = true;
}

}  // namespace tidemill
