// What BPE looks up, made at load from what a vocabulary file says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/beside.h"
#include "text/bpe/bpe.h"
#include "text/bpe/bpe_cuts.h"
#include "text/bpe/bpe_pairs.h"
#include "text/bpe/bpe_symbols.h"
#include "text/bpe/bpe_word.h"
#include "text/bpe/character_joints.h"
#include "text/bpe/joint_cutter.h"
#include "text/pieces/known_pieces.h"
#include "text/pieces/token_table.h"

namespace tidemill {

class BpeTables {
 public:
  // Of a checked vocabulary.  Throws as make_bpe.
  BpeTables(const BpeVocab& vocab, const std::string& source);
  BpeTables(const BpeTables&) = delete;
  BpeTables& operator=(const BpeTables&) = delete;

  const TokenStrings& names() const { return *names_; }
  const TokenIndex& name_index() const { return name_index_; }
  const BpeSymbols& symbols() const { return symbols_; }
  const BpePairs& pairs() const { return pairs_; }
  // Empty where pieces do not begin as their bytes' tokens.
  const BpeBytePairs& byte_pairs() const { return byte_pairs_; }
  // id -> bytes of a text, 0 where that depends; or empty.
  std::span<const uint32_t> sizes() const { return sizes_; }
  // Where a piece that is a whole text is cut; or null.
  const BpeCuts* cuts() const { return cuts_ ? &*cuts_ : nullptr; }
  // By which unknown pieces of `cut_from` bytes and more may be cut before they are merged; or null.
  const CharacterJoints* joints() const { return joints_; }
  size_t cut_from() const { return cut_from_; }
  const KnownPieces& known() const { return known_; }
  // Of raw texts, and what stands before them; null where they are not read.
  const JointCutter* cutter() const { return cutter_.get(); }
  RawText::Prefix prefix() const { return prefix_; }
  size_t cache_bytes() const { return cache_bytes_; }
  // The token that the piece is whatever merging makes; -1 where there is none.
  int32_t whole(std::string_view piece) const {
    return whole_pieces_ ? text_index().find(piece) : cutter_ ? cutter_->whole(piece) : -1;
  }
  // False where `whole` surely is -1, for a piece of that key, which is empty for a long one, and its hash.
  bool may_be_whole(const PieceKey& key, uint64_t hash) const {
    return !known_tell_wholes_ || key.empty() || known_.may_hold(key, hash);
  }

 private:
  // The texts of tokens, where they are not their names.
  struct Texts {
    Texts(std::span<const std::string_view> all, const std::string& source) : strings(all), index(strings, source) {}
    TokenStrings strings;
    TokenIndex index;
  };
  // What only loading needs.
  struct Loading {
    Beside<BpeCuts> cuts;  // these two while other threads make them
    Beside<KnownPieces> known;
    HugeVector<uint64_t> hashes;  // of the names, where pairs are not listed
    std::vector<BpePairs::Rule> rules;
    std::vector<bool> whole_tokens;  // which tokens their own bytes are proven to become
  };

  BpeTables(const BpeVocab& vocab, const std::string& source, std::shared_ptr<const TokenStrings> names);
  BpeTables(const BpeVocab& vocab, const std::string& source, std::shared_ptr<const TokenStrings> names,
            Loading loading);

  static Loading begin_loading(const BpeVocab& vocab, const TokenStrings& names);
  const TokenStrings& text_strings() const { return texts_ ? texts_->strings : *names_; }
  const TokenIndex& text_index() const { return texts_ ? texts_->index : name_index_; }
  BpePairs make_pairs(const BpeVocab& vocab, const std::string& source, Loading& loading) const;
  std::optional<BpeCuts> make_cuts(const BpeVocab& vocab, Loading& loading) const;
  std::optional<CharacterJoints> make_joints(const BpeVocab& vocab, const Loading& loading) const;
  KnownPieces make_known(const BpeVocab& vocab, Loading& loading) const;
  std::unique_ptr<const JointCutter> make_cutter(const BpeVocab& vocab) const;

  std::shared_ptr<const TokenStrings> names_;
  TokenIndex name_index_;
  std::optional<Texts> texts_;
  BpeSymbols symbols_;
  BpePairs pairs_;
  BpeBytePairs byte_pairs_;
  std::vector<uint32_t> sizes_;
  std::optional<BpeCuts> cuts_;
  std::optional<CharacterJoints> byte_joints_;
  const CharacterJoints* joints_;
  size_t cut_from_;
  KnownPieces known_;
  std::unique_ptr<const JointCutter> cutter_;
  RawText::Prefix prefix_;
  bool whole_pieces_;
  bool known_tell_wholes_;  // what is whole is a text that known_ was made of
  size_t cache_bytes_;
};

}  // namespace tidemill
