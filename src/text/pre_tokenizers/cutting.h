// What pre-tokenizers that only cut share.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/pre_tokenizer.h"
#include "text/pre_tokenizers/pre_tokenizers.h"

namespace tidemill {

// Cuts every piece with `splitter`, each as a text of its own.
void cut_pieces(const Splitter& splitter, std::string_view text, std::vector<ByteRange>& pieces);

// A pre-tokenizer that is a splitter.
class CuttingPreTokenizer : public PreTokenizer, public Splitter {
 public:
  void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const final {
    cut_pieces(*this, text.text(), pieces);
  }
  const Splitter* as_splitter() const final { return this; }
};

// A pre-tokenizer for a splitter that lives for ever.
PreTokenizerPtr pre_tokenizer_of(const Splitter& splitter);

// Turns matches and what lies between them, from front to back, into pieces.
class PieceAssembler {
 public:
  PieceAssembler(SplitOptions options, std::vector<ByteRange>& pieces) : options_(options), pieces_(pieces) {}

  // [begin, end) follows on what was added before; it may be empty.
  void add(size_t begin, size_t end, bool matches);
  // The last piece may still be held back until here.
  void finish();

 private:
  void put(ByteRange piece);
  void extend_or_put(ByteRange piece, bool extend);

  SplitOptions options_;
  std::vector<ByteRange>& pieces_;
  ByteRange held_{};
  bool holds_ = false;
  bool previous_matches_ = false;
};

}  // namespace tidemill
