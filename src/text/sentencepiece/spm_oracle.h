// For tests and the fuzz target: a vocabulary built by hand, and encoding by the rules of spm_tokenizer.h spelled out
// in the plainest way, in quadratic time and with a string per symbol.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/pieces/byte_tokens.h"
#include "text/pieces/space_symbol.h"
#include "text/sentencepiece/spm_tokenizer.h"
#include "text/unicode/utf8.h"

namespace tidemill {

class OracleVocab {
 public:
  OracleVocab() {
    vocab.proto.kind = SentencePieceProto::Kind::bpe;
    vocab.proto.normalizer.remove_extra_whitespaces = false;
    vocab.proto.symbols_spell_spaces = true;
  }

  int32_t add(const std::string& token, TokenType type, float score = 0) {
    vocab.proto.pieces.push_back({strings_.emplace_back(token), score, type});
    return static_cast<int32_t>(vocab.proto.pieces.size()) - 1;
  }
  int32_t add_reserved(const std::string& token) { return vocab.reserved.emplace_back(add(token, TokenType::control)); }
  void add_bytes(size_t first = 0, size_t last = 255) {
    for (size_t byte = first; byte <= last; ++byte) add(byte_token_name(byte), TokenType::byte);
  }
  void use_space_prefix(bool prefix) { vocab.proto.normalizer.add_dummy_prefix = prefix; }
  std::shared_ptr<const Tokenizer> make(const std::string& source = "test") const {
    return make_spm_tokenizer(vocab, source, {});
  }

  SpmVocab vocab;

 private:
  std::deque<std::string> strings_;  // never moves what the pieces point to
};

// A little Gemma: control, reserved and user-defined tokens, runs of spaces as files spell them, bytes, some merges.
inline OracleVocab little_gemma() {
  OracleVocab v;
  v.add("<pad>", TokenType::control);
  v.vocab.eos = v.add("<eos>", TokenType::control);
  v.vocab.bos = v.add("<bos>", TokenType::control);
  v.vocab.proto.unknown = v.add("<unk>", TokenType::unknown);
  v.add_reserved("<unused0>");
  for (const char* token : {"\n", "\n\n", "  ", "   ", "<b>", "</b>"}) v.add(token, TokenType::user_defined);
  v.add_bytes();
  float score = 0;
  for (const char* token :
       {"\u2581t", "he", "\u2581the", "ll", "llo", "hello", "\u2581a", "b>", "\u2581<", "b>\u2581<", "ab", "<u"}) {
    v.add(token, TokenType::normal, --score);
  }
  for (const char* token : {"\u2581", "t", "h", "e", "l", "o", "a", "b", ">", "<", "/", "u", "é"}) {
    v.add(token, TokenType::normal, --score);
  }
  v.use_space_prefix(false);
  v.vocab.stop_ids = {v.vocab.eos};
  return v;
}

class SpmOracle {
 public:
  explicit SpmOracle(const SpmVocab& vocab)
      : pieces_(vocab.proto.pieces),
        unknown_(vocab.proto.unknown),
        has_space_prefix_(vocab.proto.normalizer.add_dummy_prefix) {
    for (size_t k = 0; k < pieces_.size(); ++k) add_token(static_cast<int32_t>(k), vocab);
  }

  std::vector<int32_t> encode(std::string_view text, bool parse_special_tokens) {
    ids_.clear();
    std::string stretch;
    for (size_t pos = 0; pos <= text.size();) {
      const Spelling* const special = longest_at(added_, text, pos, parse_special_tokens);
      if (!special && pos < text.size()) {
        stretch += text[pos++];
        continue;
      }
      if (!stretch.empty()) encode_stretch(stretch);
      stretch.clear();
      if (!special) break;
      add(special->id);
      pos += special->text.size();
    }
    return ids_;
  }

 private:
  struct Spelling {
    std::string text;
    int32_t id;
    bool special;
  };
  struct Symbol {
    std::string text;
    int32_t user_defined = -1;  // then it does not merge
  };

  void add_token(int32_t id, const SpmVocab& vocab) {
    const std::string token(pieces_[id].text);
    const bool reserved = std::count(vocab.reserved.begin(), vocab.reserved.end(), id) > 0;
    if (token.empty()) return;
    switch (pieces_[id].type) {
      case TokenType::normal:
      case TokenType::unused:
        mergeable_[token] = id;
        break;
      case TokenType::byte:
        bytes_[static_cast<char>(*byte_of_token(token))] = id;
        break;
      case TokenType::user_defined: {
        const std::string plain = unescape_spaces(token);
        mergeable_[token] = id;
        user_defined_.push_back({escape_spaces(plain), id, false});
        if (has_space_prefix_) break;
        added_.push_back(user_defined_.back());
        if (plain.find_first_not_of(' ') != plain.npos) added_.push_back({plain, id, false});
        break;
      }
      default:
        added_.push_back({token, id, !reserved});
    }
  }

  void add(int32_t id) {
    ids_.push_back(id);
    after_unknown_ = false;
  }

  // The longest of `spellings` at `pos`; of equal ones the last.
  static const Spelling* longest_at(const std::vector<Spelling>& spellings, std::string_view text, size_t pos,
                                    bool with_special) {
    const Spelling* best = nullptr;
    for (const Spelling& spelling : spellings) {
      if (spelling.special && !with_special) continue;
      if (best && spelling.text.size() < best->text.size()) continue;
      if (text.substr(pos, spelling.text.size()) == spelling.text) best = &spelling;
    }
    return best;
  }

  void encode_stretch(const std::string& stretch) {
    const std::string text =
        std::string(has_space_prefix_ ? kSpaceSymbol : "") + escape_spaces(replace_invalid_utf8(stretch));
    std::vector<Symbol> symbols;
    for (size_t pos = 0; pos < text.size();) {
      const Spelling* const found = longest_at(user_defined_, text, pos, true);
      const size_t size = found ? found->text.size() : utf8_step(std::string_view(text).substr(pos)).n_bytes;
      symbols.push_back({text.substr(pos, size), found ? found->id : -1});
      pos += size;
    }
    after_unknown_ = false;
    merge(symbols);
    for (const Symbol& symbol : symbols) {
      if (symbol.user_defined >= 0) {
        add(symbol.user_defined);
      } else {
        emit(symbol.text);
      }
    }
  }

  // What two neighbours become; -1: nothing.
  int32_t merged(const Symbol& left, const Symbol& right) const {
    return left.user_defined >= 0 || right.user_defined >= 0 ? -1 : mergeable(left.text + right.text);
  }
  int32_t mergeable(const std::string& token) const {
    const auto found = mergeable_.find(token);
    return found == mergeable_.end() ? -1 : found->second;
  }

  // Note that SentencePiece remembers the parts of an unused token when it finds the pair, merged or not.
  void remember_parts(const Symbol& left, const Symbol& right) {
    const int32_t id = merged(left, right);
    if (id >= 0 && pieces_[id].type == TokenType::unused) parts_[left.text + right.text] = {left.text, right.text};
  }

  void merge(std::vector<Symbol>& symbols) {
    parts_.clear();
    for (size_t k = 0; k + 1 < symbols.size(); ++k) remember_parts(symbols[k], symbols[k + 1]);
    while (true) {
      size_t best = symbols.size();
      float best_score = 0;
      for (size_t k = 0; k + 1 < symbols.size(); ++k) {
        const int32_t id = merged(symbols[k], symbols[k + 1]);
        if (id < 0 || (best < symbols.size() && pieces_[id].score <= best_score)) continue;
        best = k;
        best_score = pieces_[id].score;
      }
      if (best == symbols.size()) return;
      symbols[best].text += symbols[best + 1].text;
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
      if (best > 0) remember_parts(symbols[best - 1], symbols[best]);
      if (best + 1 < symbols.size()) remember_parts(symbols[best], symbols[best + 1]);
    }
  }

  void emit(const std::string& symbol) {
    const int32_t id = mergeable(symbol);
    const bool unused = id >= 0 && pieces_[id].type == TokenType::unused;
    const auto parts = parts_.find(symbol);
    if (unused && parts != parts_.end()) {
      const auto [left, right] = parts->second;
      emit(left);
      emit(right);
    } else if (id >= 0 && !unused) {
      add(id);
    } else {
      emit_unknown(symbol);
    }
  }

  void emit_unknown(const std::string& symbol) {
    const bool all_known = std::all_of(symbol.begin(), symbol.end(), [&](char c) { return bytes_.contains(c); });
    if (all_known) {
      for (const char c : symbol) add(bytes_.at(c));
    } else if (!after_unknown_) {
      add(unknown_);
      after_unknown_ = true;
    }
  }

  const HugeVector<SentencePieceProto::Piece>& pieces_;
  int32_t unknown_;
  bool has_space_prefix_;
  std::vector<Spelling> added_;         // found in the text as it is
  std::vector<Spelling> user_defined_;  // found when spaces have become U+2581
  std::map<std::string, int32_t> mergeable_;
  std::map<char, int32_t> bytes_;
  std::vector<int32_t> ids_;
  std::map<std::string, std::pair<std::string, std::string>> parts_;  // of unused tokens
  bool after_unknown_ = false;                                        // the last characters were unknown
};

}  // namespace tidemill
