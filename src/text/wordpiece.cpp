#include "text/wordpiece.h"

#include <algorithm>

#include "text/pieces/byte_trie.h"
#include "text/pieces/known_pieces.h"
#include "text/pieces/token_table.h"
#include "text/pieces/unknown_token.h"

namespace tidemill {
namespace {

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

// By id: whether the token, as a word, is that token; most words of a text are found so.
std::vector<bool> whole_words(std::span<const std::string_view> tokens, const ByteTrie& trie, size_t max_chars) {
  std::vector<bool> whole;
  whole.reserve(tokens.size());
  for (const std::string_view token : tokens) {
    const bool last_of_its_name = trie.find(token) == static_cast<int32_t>(whole.size());
    whole.push_back(last_of_its_name && count_characters(token) <= max_chars);
  }
  return whole;
}

class WordPiece final : public PieceModel {
 public:
  WordPiece(std::span<const std::string_view> tokens, const WordPieceOptions& options)
      : names_(tokens),
        trie_(trie_entries(tokens)),
        known_(names_, whole_words(tokens, trie_, options.max_chars_per_word)),
        unknown_(options.unknown_token, trie_.find(options.unknown_token)),
        max_chars_(options.max_chars_per_word) {
    has_continuing_ = trie_.walk(continuing_root_, options.continuing_prefix);
  }

  std::unique_ptr<PieceModel::Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, PieceModel::Scratch& scratch,
              PieceTokens tokens) const override {
    if (!tokens.ranges) return encode_blocks(text, pieces, static_cast<Scratch&>(scratch).block, tokens);
    for (size_t k = 0; k < pieces.size(); ++k) encode_word(text, pieces[k], k, tokens);
  }

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_[id]; }
  int32_t token_id(std::string_view name) const override { return trie_.find(name); }

 private:
  struct Scratch final : PieceModel::Scratch {
    PieceBlock block;
  };

  // Block by block: the words that the vocabulary knows are found together, without a branch for each.
  void encode_blocks(std::string_view text, std::span<const ByteRange> pieces, PieceBlock& block,
                     PieceTokens& tokens) const {
    for (size_t done = 0; done < pieces.size(); done += PieceBlock::kPieces) {
      const auto some = pieces.subspan(done, std::min(PieceBlock::kPieces, pieces.size() - done));
      known_.find(text, some, block);
      size_t begin = 0;
      const auto emit_known = [&](size_t end) {
        tokens.ids.insert(tokens.ids.end(), block.known.begin() + begin, block.known.begin() + end);
        if (!tokens.pieces) return;
        for (size_t k = begin; k < end; ++k) tokens.pieces->push_back(static_cast<uint32_t>(done + k));
      };
      for (size_t n = 0; n < block.n_unknown; ++n) {
        const size_t k = block.unknown[n];
        emit_known(k);
        encode_word(text, some[k], done + k, tokens);
        begin = k + 1;
      }
      emit_known(some.size());
    }
  }

  // The `k`-th of the pieces.
  void encode_word(std::string_view text, ByteRange word, size_t k, PieceTokens& tokens) const {
    const size_t n_before = tokens.ids.size();
    write_word(text, word, tokens);
    if (tokens.pieces)
      tokens.pieces->insert(tokens.pieces->end(), tokens.ids.size() - n_before, static_cast<uint32_t>(k));
  }

  void write_word(std::string_view text, ByteRange word, PieceTokens& tokens) const {
    const size_t n_before = tokens.ids.size();
    const size_t n_ranges_before = tokens.ranges ? tokens.ranges->size() : 0;
    const std::string_view bytes = text.substr(word.begin, word.end - word.begin);
    bool known = bytes.size() <= max_chars_ || count_characters(bytes) <= max_chars_;
    ByteTrie::Node node = ByteTrie::kRoot;
    for (uint32_t pos = word.begin; known && pos < word.end;) {
      const ByteTrie::Match match = trie_.longest(text, node, pos, word.end);
      known = match.value >= 0;
      if (!known) break;
      tokens.ids.push_back(match.value);
      if (tokens.ranges) tokens.ranges->push_back({pos, match.end});
      pos = match.end;
      known = has_continuing_ || pos == word.end;
      node = continuing_root_;
    }
    if (known) return;
    tokens.ids.resize(n_before);
    tokens.ids.push_back(unknown_.id(bytes));
    if (tokens.ranges) {
      tokens.ranges->resize(n_ranges_before);
      tokens.ranges->push_back(word);
    }
  }

  TokenStrings names_;
  ByteTrie trie_;  // names -> ids
  KnownPieces known_;
  UnknownToken unknown_;
  size_t max_chars_;
  ByteTrie::Node continuing_root_ = ByteTrie::kRoot;  // where the tokens with the prefix go on after it
  bool has_continuing_;                               // there are such tokens
};

}  // namespace

std::unique_ptr<PieceModel> make_wordpiece(std::span<const std::string_view> tokens, const WordPieceOptions& options) {
  return std::make_unique<WordPiece>(tokens, options);
}

}  // namespace tidemill
