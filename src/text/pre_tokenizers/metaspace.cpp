// Metaspace: spaces become visible and start pieces, as in SentencePiece.  Kudo and Richardson 2018, arXiv:1808.06226.
#include <algorithm>
#include <string>

#include "text/pre_tokenizers/editing.h"
#include "text/pre_tokenizers/pre_tokenizers.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(const MetaspaceOptions& options)
      : replacement_(Utf8Character(options.replacement)), prepend_(options.prepend), split_(options.split) {}

  void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const override {
    edit_pieces(text, pieces, [&](TextEdit& edit, ByteRange piece) { edit_piece(text, edit, piece); });
    if (split_) cut(text.text(), pieces);
  }
  bool needs_origins() const override { return prepend_ == PrependScheme::first; }

 private:
  void edit_piece(const NormalizedText& text, TextEdit& edit, ByteRange piece) const {
    const std::string_view source = edit.source().substr(0, piece.end);
    const bool starts_with_one = source[piece.begin] == ' ' || source.substr(piece.begin).starts_with(replacement_);
    if (!starts_with_one && wants_prefix(text, piece)) prepend(edit, replacement_);
    for (size_t pos = source.find(' ', piece.begin); pos != source.npos; pos = source.find(' ', pos + 1)) {
      edit.keep_until(pos);
      edit.replace(replacement_);
    }
  }

  bool wants_prefix(const NormalizedText& text, ByteRange piece) const {
    if (prepend_ != PrependScheme::first) return prepend_ == PrependScheme::always;
    return text.tracked() ? text.origin({piece.begin, piece.begin + 1}).begin == 0 : text.at() + piece.begin == 0;
  }

  void cut(std::string_view text, std::vector<ByteRange>& pieces) const {
    std::vector<ByteRange> parts;
    for (const ByteRange piece : pieces) {
      const std::string_view source = text.substr(0, piece.end);
      size_t begin = piece.begin;
      while (begin < piece.end) {
        const size_t end = std::min(source.find(replacement_, begin + 1), source.size());
        parts.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
        begin = end;
      }
    }
    pieces = std::move(parts);
  }

  std::string replacement_;
  PrependScheme prepend_;
  bool split_;
};

}  // namespace

PreTokenizerPtr make_metaspace(const MetaspaceOptions& options) {
  return std::make_unique<Metaspace>(options);
}

}  // namespace tidemill
