// For tests and the fuzz target: a vocabulary built by hand, and encoding by the rules of text/bpe/spm_bpe.h spelled
// out in the plainest way, in quadratic time and with a string per symbol.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe/spm_bpe.h"
#include "text/unicode/utf8.h"

namespace tidemill {

class OracleVocab {
 public:
  int32_t add(const std::string& token, TokenType type, float score = 0) {
    vocab.tokens.push_back(strings_.emplace_back(token));
    vocab.types.push_back(type);
    vocab.scores.push_back(score);
    return static_cast<int32_t>(vocab.tokens.size()) - 1;
  }
  void add_bytes(int first = 0, int last = 255) {
    constexpr char kHex[] = "0123456789ABCDEF";
    for (int byte = first; byte <= last; ++byte) {
      add(std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + ">", TokenType::byte);
    }
  }

  SpmVocab vocab;

 private:
  std::deque<std::string> strings_;  // never moves what vocab.tokens points to
};

// A little Gemma: control, reserved and user-defined tokens, runs of spaces as files spell them, bytes, some merges.
inline OracleVocab little_gemma() {
  OracleVocab v;
  v.add("<pad>", TokenType::control);
  v.vocab.eos = v.add("<eos>", TokenType::control);
  v.vocab.bos = v.add("<bos>", TokenType::control);
  v.vocab.unknown = v.add("<unk>", TokenType::unknown);
  v.add("<unused0>", TokenType::reserved);
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
  v.vocab.add_space_prefix = false;
  v.vocab.stop_ids = {v.vocab.eos};
  return v;
}

class SpmOracle {
 public:
  explicit SpmOracle(const SpmVocab& vocab) : vocab_(vocab) {
    for (size_t k = 0; k < vocab.tokens.size(); ++k) add_token(static_cast<int32_t>(k));
  }

  std::vector<int32_t> encode(std::string_view text, bool parse_special_tokens) {
    ids_.clear();
    after_unknown_ = false;
    bool stretch_start = true;
    std::string stretch;
    for (size_t pos = 0; pos <= text.size();) {
      const Spelling* const special = special_at(text, pos, parse_special_tokens);
      if (!special && pos < text.size()) {
        stretch += text[pos++];
        continue;
      }
      const bool has_text = !stretch.empty() || (special && !special->control);
      encode_stretch(stretch, vocab_.add_space_prefix && stretch_start && has_text);
      stretch.clear();
      if (!special) break;
      add(special->id);
      stretch_start = special->control;
      pos += special->text.size();
    }
    return ids_;
  }

 private:
  static constexpr std::string_view kSpace = "\u2581";

  struct Spelling {
    std::string text;
    int32_t id;
    bool control;
  };

  static std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    std::string result;
    for (size_t pos = 0; pos < text.size();) {
      const bool matches = text.substr(pos, from.size()) == from;
      result += matches ? to : text.substr(pos, 1);
      pos += matches ? from.size() : 1;
    }
    return result;
  }

  void add_token(int32_t id) {
    const std::string token(vocab_.tokens[id]);
    const std::string plain = replaced(token, kSpace, " ");
    if (token.empty()) return;
    switch (vocab_.types[id]) {
      case TokenType::normal:
      case TokenType::unused:
        mergeable_[token] = id;
        break;
      case TokenType::byte:
        bytes_[static_cast<char>(std::stoi(token.substr(3, 2), nullptr, 16))] = id;
        break;
      case TokenType::user_defined:
        spellings_.push_back({replaced(plain, " ", kSpace), id, false});
        if (plain.find_first_not_of(' ') == plain.npos) {
          space_runs_.try_emplace(plain.size(), id);
        } else {
          spellings_.push_back({plain, id, false});
        }
        break;
      default:
        spellings_.push_back({token, id, true});
    }
  }

  void add(int32_t id) {
    ids_.push_back(id);
    after_unknown_ = false;
  }

  // The longest special token at `pos`.
  const Spelling* special_at(std::string_view text, size_t pos, bool parse_special_tokens) const {
    const Spelling* best = nullptr;
    for (const Spelling& spelling : spellings_) {
      if (spelling.control && !parse_special_tokens) continue;
      if (best && spelling.text.size() <= best->text.size()) continue;
      if (text.substr(pos, spelling.text.size()) == spelling.text) best = &spelling;
    }
    return best;
  }

  void encode_stretch(const std::string& stretch, bool space_prefix) {
    const std::string text =
        std::string(space_prefix ? kSpace : "") + replaced(replace_invalid_utf8(stretch), " ", kSpace);
    std::vector<std::string> symbols;  // of the word being read
    for (size_t pos = 0; pos < text.size();) {
      size_t n_spaces = 0;
      while (text.compare(pos + n_spaces * kSpace.size(), kSpace.size(), kSpace) == 0) ++n_spaces;
      size_t run = n_spaces;
      while (run > 0 && !space_runs_.contains(run)) --run;
      if (run > 0) {
        merge(symbols);
        add(space_runs_.at(run));
        pos += run * kSpace.size();
        continue;
      }
      // Spaces that no run token takes belong to the word, all at once: the next ones are no new run.
      const size_t n_taken = n_spaces > 0 ? n_spaces : 1;
      for (size_t k = 0; k < n_taken; ++k) {
        symbols.emplace_back(text.substr(pos, utf8_step(std::string_view(text).substr(pos)).n_bytes));
        pos += symbols.back().size();
      }
    }
    merge(symbols);
  }

  int32_t mergeable(const std::string& token) const {
    const auto found = mergeable_.find(token);
    return found == mergeable_.end() ? -1 : found->second;
  }

  // Note that SentencePiece remembers the parts of an unused token when it finds the pair, merged or not.
  void remember_parts(const std::string& left, const std::string& right) {
    const int32_t id = mergeable(left + right);
    if (id >= 0 && vocab_.types[id] == TokenType::unused) parts_[left + right] = {left, right};
  }

  void merge(std::vector<std::string>& symbols) {
    parts_.clear();
    for (size_t k = 0; k + 1 < symbols.size(); ++k) remember_parts(symbols[k], symbols[k + 1]);
    while (true) {
      size_t best = symbols.size();
      float best_score = 0;
      for (size_t k = 0; k + 1 < symbols.size(); ++k) {
        const int32_t id = mergeable(symbols[k] + symbols[k + 1]);
        if (id < 0 || (best < symbols.size() && vocab_.scores[id] <= best_score)) continue;
        best = k;
        best_score = vocab_.scores[id];
      }
      if (best == symbols.size()) break;
      symbols[best] += symbols[best + 1];
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
      if (best > 0) remember_parts(symbols[best - 1], symbols[best]);
      if (best + 1 < symbols.size()) remember_parts(symbols[best], symbols[best + 1]);
    }
    for (const std::string& symbol : symbols) emit(symbol);
    symbols.clear();
  }

  void emit(const std::string& symbol) {
    const int32_t id = mergeable(symbol);
    const auto parts = parts_.find(symbol);
    if (id >= 0 && vocab_.types[id] == TokenType::unused && parts != parts_.end()) {
      const auto [left, right] = parts->second;
      emit(left);
      emit(right);
    } else if (id >= 0) {
      add(id);
    } else {
      emit_bytes(symbol);
    }
  }

  void emit_bytes(const std::string& symbol) {
    const bool all_known = std::all_of(symbol.begin(), symbol.end(), [&](char c) { return bytes_.contains(c); });
    if (all_known) {
      for (const char c : symbol) add(bytes_.at(c));
    } else if (!after_unknown_) {
      add(vocab_.unknown);
      after_unknown_ = true;
    }
  }

  const SpmVocab& vocab_;
  std::vector<Spelling> spellings_;  // of special tokens
  std::map<std::string, int32_t> mergeable_;
  std::map<char, int32_t> bytes_;
  std::map<size_t, int32_t> space_runs_;
  std::vector<int32_t> ids_;
  std::map<std::string, std::pair<std::string, std::string>> parts_;  // of unused tokens
  bool after_unknown_ = false;
};

}  // namespace tidemill
