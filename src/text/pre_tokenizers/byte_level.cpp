// ByteLevel: GPT-2's split pattern and its spelling of bytes.  Radford et al. 2019.
#include "text/pre_tokenizers/cutting.h"
#include "text/pre_tokenizers/editing.h"
#include "text/split/split_patterns.h"

namespace tidemill {
namespace {

class ByteLevel : public PreTokenizer {
 public:
  explicit ByteLevel(const ByteLevelOptions& options)
      : splitter_(options.use_regex ? find_split_name("gpt2") : nullptr),
        add_prefix_space_(options.add_prefix_space),
        spell_bytes_(options.spell_bytes) {}

  void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const override {
    if (add_prefix_space_) {
      edit_pieces(text, pieces, [](TextEdit& edit, ByteRange piece) {
        if (edit.source()[piece.begin] != ' ') prepend(edit, " ");
      });
    }
    if (splitter_) cut_pieces(*splitter_, text.text(), pieces);
    if (spell_bytes_) edit_pieces(text, pieces, spell);
  }

 private:
  static void spell(TextEdit& edit, ByteRange piece) {
    while (edit.position() < piece.end) spell_character(edit);
  }

  const Splitter* splitter_;  // null: no pattern
  bool add_prefix_space_, spell_bytes_;
};

}  // namespace

PreTokenizerPtr make_byte_level(const ByteLevelOptions& options) {
  if (options.add_prefix_space || options.spell_bytes) return std::make_unique<ByteLevel>(options);
  if (!options.use_regex) return nullptr;
  return pre_tokenizer_of(*find_split_name("gpt2"));
}

}  // namespace tidemill
