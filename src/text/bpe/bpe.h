// Byte-pair encoding as Hugging Face's `tokenizers` (models.BPE), tiktoken and SentencePiece do it.
//
//   Sennrich et al. 2016, arXiv:1508.07909; Radford et al. 2019 (bytes as symbols); Kudo and Richardson 2018,
//   arXiv:1808.06226 (scores).
//
// A piece begins as its bytes or characters.  Of all neighbours that may be merged, the pair of the lowest rank is, the
// leftmost of equals, until none is left.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "text/pieces/piece_model.h"
#include "text/pieces/token_table.h"
#include "text/raw_text.h"

namespace tidemill {

// What a vocabulary file says.  Everything is copied, so the file may be closed after make_bpe.
struct BpeVocab {
  // Where the ranks of pairs come from.
  enum class Order : uint8_t {
    merges,  // the list `merges`, the first the earliest
    ids,     // any two tokens whose concatenation is a token: its id (tiktoken's ranks)
    scores,  // any two tokens whose concatenation is a token: its score, the highest first (SentencePiece)
  };

  std::span<const std::string_view> names = {};  // id -> the token as the file spells it; empty: no such token
  std::shared_ptr<const TokenStrings> name_strings = nullptr;  // in place of `names`, which are not copied then
  // id -> the bytes of a text that the token stands for, where they are not its name: byte-level vocabularies with the
  // alphabet of GPT-2 undone.  A token that no text spells is empty.  None at all: the names.
  std::span<const std::string_view> texts = {};
  Order order = Order::merges;
  std::span<const std::pair<std::string_view, std::string_view>> merges = {};  // names of both parts
  std::span<const float> scores = {};                                          // one per id
  // Order::scores: with more tokens than this, pairs are not listed at load but looked up as they come.
  size_t most_listed = size_t{1} << 17;
  // Order::ids and scores: per id, 0 for what merging neither takes nor makes.  None at all: all 1.
  std::span<const uint8_t> mergeable = {};

  bool byte_symbols = false;   // byte-level: pieces begin as bytes, else as characters
  bool byte_fallback = false;  // a character that is no token becomes its bytes' tokens, "<0x0A>", if it has them all
  bool fuse_unknown = false;   // neighbouring unknown characters share one token
  bool whole_pieces = false;   // a piece that is a token is that token, whatever merging makes: ignore_merges, tiktoken
  std::string_view unknown = {};            // the name of the token of unknown characters; empty: they are dropped
  std::string_view continuing_prefix = {};  // stands before every symbol of a piece but the first, "##"
  std::string_view end_suffix = {};         // stands after the last symbol of a piece, "</w>"
  // Where texts need not go through the stages before the model.  Not null: their spaces are U+2581.
  const RawText* raw = nullptr;
  size_t cache_bytes = size_t{16} << 20;  // of each scratch, until limit_cache says otherwise

  size_t n_tokens() const { return name_strings ? static_cast<size_t>(name_strings->size()) : names.size(); }
  std::string_view name(size_t id) const {
    return name_strings ? (*name_strings)[static_cast<int32_t>(id)] : names[id];
  }
};

// `source` names the file in messages.  Throws bad_file, naming token or merge, for: no tokens or more than 2^21, more
// than 2^22 merges, lists of different lengths, a token that occurs twice, a merge of or into what is no token, a score
// that is not a number, an unknown token that is needed and missing.
std::unique_ptr<const PieceModel> make_bpe(const BpeVocab& vocab, const std::string& source);

}  // namespace tidemill
