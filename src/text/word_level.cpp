#include "text/word_level.h"

#include "text/pieces/byte_trie.h"
#include "text/pieces/token_table.h"
#include "text/pieces/unknown_token.h"

namespace tidemill {
namespace {

class WordLevel final : public PieceModel {
 public:
  WordLevel(std::span<const std::string_view> tokens, const std::string& unknown_token)
      : names_(tokens), trie_(trie_entries(tokens)), unknown_(unknown_token, trie_.find(unknown_token)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch&, PieceTokens tokens) const override {
    for (size_t k = 0; k < pieces.size(); ++k) {
      const std::string_view word = text.substr(pieces[k].begin, pieces[k].end - pieces[k].begin);
      const int32_t id = trie_.find(word);
      tokens.ids.push_back(id >= 0 ? id : unknown_.id(word));
      if (tokens.ranges) tokens.ranges->push_back(pieces[k]);
      if (tokens.pieces) tokens.pieces->push_back(static_cast<uint32_t>(k));
    }
  }

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_[id]; }
  int32_t token_id(std::string_view name) const override { return trie_.find(name); }

 private:
  TokenStrings names_;
  ByteTrie trie_;  // names -> ids
  UnknownToken unknown_;
};

}  // namespace

std::unique_ptr<PieceModel> make_word_level(std::span<const std::string_view> tokens,
                                            const std::string& unknown_token) {
  return std::make_unique<WordLevel>(tokens, unknown_token);
}

}  // namespace tidemill
