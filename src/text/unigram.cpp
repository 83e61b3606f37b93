#include "text/unigram.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <limits>

#include "text/byte_tokens.h"
#include "text/byte_trie.h"
#include "text/token_table.h"
#include "text/unknown_token.h"
#include "text/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr double kUnknownPenalty = 10;
// sentencepiece begins to sum anew past this, lest single precision be too little for a long text.
constexpr float kLargeSum = 1e5f;
// An undecided stretch of that many bytes is searched for a decided part.
constexpr size_t kLongStretch = 4096;

[[noreturn]] void bad_vocabulary(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::bad_file, source + ": " + why + "; get the file again from where it was published");
}

void check(const UnigramVocab& vocab, const std::string& source) {
  const size_t n_tokens = vocab.tokens.size();
  if (vocab.scores.size() != n_tokens || (!vocab.types.empty() && vocab.types.size() != n_tokens)) {
    bad_vocabulary(source, "there are " + std::to_string(n_tokens) + " tokens, but " +
                               std::to_string(vocab.scores.size()) + " scores and " +
                               std::to_string(vocab.types.size()) + " types");
  }
  if (vocab.unknown < -1 || vocab.unknown >= static_cast<int64_t>(n_tokens)) {
    bad_vocabulary(source, "the unknown token is " + std::to_string(vocab.unknown) + ", but there are " +
                               std::to_string(n_tokens) + " tokens");
  }
  for (size_t id = 0; id < n_tokens; ++id) {
    const std::string label = "token " + std::to_string(id) + " '" + std::string(vocab.tokens[id]) + "'";
    if (!is_utf8(vocab.tokens[id])) bad_vocabulary(source, label + " is not UTF-8");
    if (std::isnan(vocab.scores[id])) bad_vocabulary(source, "the score of " + label + " is not a number");
  }
}

// Bytes of the character that begins with `lead`.
uint32_t character_size(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// What the rules say about the vocabulary, before any text.
struct Found {
  std::vector<ByteTrie::Entry> entries;  // of tokens that are found in a text
  std::vector<double> scores;            // by id
  double unknown_score;
};

Found found_by_hugging_face(const UnigramVocab& vocab) {
  const double lowest = vocab.scores.empty() ? 0 : *std::min_element(vocab.scores.begin(), vocab.scores.end());
  return {trie_entries(vocab.tokens), vocab.scores, lowest - kUnknownPenalty};
}

Found found_by_sentencepiece(const UnigramVocab& vocab) {
  const auto type = [&](size_t id) { return vocab.types.empty() ? TokenType::normal : vocab.types[id]; };
  float lowest = FLT_MAX;
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    if (type(id) != TokenType::normal) continue;
    lowest = std::min(lowest, static_cast<float>(vocab.scores[id]));
  }
  Found found{{}, vocab.scores, lowest - static_cast<float>(kUnknownPenalty)};
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const std::string_view token = vocab.tokens[id];
    // Better than any sum of ordinary scores, and the longer the better.
    if (type(id) == TokenType::user_defined) {
      found.scores[id] = static_cast<float>(0.1 * static_cast<double>(token.size()) - 0.1);
    }
    const bool can_be_found = type(id) == TokenType::normal || type(id) == TokenType::user_defined;
    if (can_be_found && !token.empty()) found.entries.push_back({token, static_cast<int32_t>(id)});
  }
  return found;
}

// Ids by name for the tokens that are not found in a text.
std::vector<ByteTrie::Entry> not_found_entries(const UnigramVocab& vocab) {
  std::vector<ByteTrie::Entry> entries;
  for (size_t id = 0; id < vocab.types.size(); ++id) {
    const bool can_be_found = vocab.types[id] == TokenType::normal || vocab.types[id] == TokenType::user_defined;
    if (!can_be_found && !vocab.tokens[id].empty()) entries.push_back({vocab.tokens[id], static_cast<int32_t>(id)});
  }
  return entries;
}

// `Score`: how sums are kept: double as Hugging Face, float as sentencepiece.
template <typename Score>
class Unigram final : public PieceModel {
 public:
  static constexpr bool kSentencePiece = std::is_same_v<Score, float>;

  Unigram(const UnigramVocab& vocab, Found found)
      : names_(vocab.tokens),
        trie_(std::move(found.entries)),
        reserved_(not_found_entries(vocab)),
        scores_(std::move(found.scores)),
        unknown_score_(static_cast<Score>(found.unknown_score)),
        unknown_("", vocab.unknown) {
    if (!vocab.byte_fallback) return;
    for (size_t byte = 0; byte < byte_ids_.size(); ++byte) byte_ids_[byte] = token_id(byte_token_name(byte));
  }

  std::unique_ptr<PieceModel::Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, PieceModel::Scratch& scratch,
              PieceTokens tokens) const override {
    Pass pass(*this, text, static_cast<Scratch&>(scratch), tokens);
    for (size_t k = 0; k < pieces.size(); ++k) {
      const size_t n_before = tokens.ids.size();
      pass.piece(pieces[k]);
      if (tokens.pieces)
        tokens.pieces->insert(tokens.pieces->end(), tokens.ids.size() - n_before, static_cast<uint32_t>(k));
    }
  }

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_[id]; }
  int32_t token_id(std::string_view name) const override {
    const int32_t id = reserved_.find(name);
    return id >= 0 ? id : trie_.find(name);
  }

 private:
  // The best way to write what lies before a place in the text; its last token is [from, place).
  struct Best {
    Score score;
    int32_t id;
    uint32_t from;
  };
  struct Segment {
    uint32_t begin, end;
    int32_t id;
  };
  struct Scratch : PieceModel::Scratch {
    std::vector<Best> best;         // from the first undecided place on
    std::vector<Segment> segments;  // of a decided stretch, backwards
    std::vector<uint8_t> marked;
  };
  static constexpr uint32_t kUnset = std::numeric_limits<uint32_t>::max();

  class Pass;

  TokenStrings names_;
  ByteTrie trie_;      // tokens that are found in a text
  ByteTrie reserved_;  // all others
  std::vector<double> scores_;
  Score unknown_score_;
  UnknownToken unknown_;
  std::array<int32_t, 256> byte_ids_ = no_byte_ids();  // -1: no fallback for that byte
};

// One call of `encode`: Viterbi's algorithm from left to right.  A place that no token crosses decides all before it,
// and so does one that all best ways to the undecided places have in common.
template <typename Score>
class Unigram<Score>::Pass {
 public:
  Pass(const Unigram& model, std::string_view text, Scratch& scratch, PieceTokens& tokens)
      : model_(model), text_(text), scratch_(scratch), tokens_(tokens) {}

  void piece(ByteRange piece) {
    base_ = reach_ = unknown_begin_ = unknown_end_ = piece.begin;
    reserve(0);
    scratch_.best[0] = {0, -1, kUnset};
    size_t long_stretch = kLongStretch;
    for (uint32_t pos = piece.begin; pos < piece.end;) {
      if (pos == reach_) {
        decide(pos);
      } else if (pos - base_ >= long_stretch) {
        decide(common_place(pos));
        long_stretch = std::max(kLongStretch, size_t{2} * (pos - base_));
      }
      pos = extend(pos, piece.end);
    }
    decide(piece.end);
    end_unknown();
  }

 private:
  Best& best(uint32_t pos) { return scratch_.best[pos - base_]; }

  void reserve(uint32_t offset) {
    if (scratch_.best.size() <= offset) scratch_.best.resize(size_t{2} * offset + 64);
  }

  // Makes places up to `end` usable.
  void reach(uint32_t end) {
    if (end <= reach_) return;
    reserve(end - base_);
    while (reach_ < end) best(++reach_).from = kUnset;
  }

  // Tries all tokens that begin at `pos`; returns where the next character begins.
  uint32_t extend(uint32_t pos, uint32_t end) {
    const uint32_t next = std::min(end, pos + character_size(text_[pos]));
    reach(next);
    if (kSentencePiece && std::abs(best(pos).score) > kLargeSum) subtract(best(pos).score, pos);
    const Score before = best(pos).score;
    bool has_single = false;
    ByteTrie::Node node = ByteTrie::kRoot;
    for (uint32_t to = pos; to < end && model_.trie_.step(node, static_cast<uint8_t>(text_[to]));) {
      const int32_t id = model_.trie_.value(node);
      ++to;
      if (id < 0) continue;
      reach(to);
      offer(to, static_cast<Score>(model_.scores_[id] + before), id, pos);
      has_single |= to == next;
    }
    if (!has_single) offer_unknown(pos, next, model_.unknown_score_ + before);
    return next;
  }

  void offer(uint32_t to, Score score, int32_t id, uint32_t from) {
    Best& target = best(to);
    if (target.from == kUnset || score > target.score) target = {score, id, from};
  }

  void offer_unknown(uint32_t pos, uint32_t next, Score score) {
    const Best& target = best(next);
    if (target.from != kUnset && !(score > target.score)) return;
    offer(next, score, model_.unknown_.id(text_.substr(pos, next - pos)), pos);
  }

  // Makes the sums of all ways to `pos` and later smaller by the same.
  void subtract(Score sum, uint32_t pos) {
    for (uint32_t place = pos; place <= reach_; ++place) {
      if (best(place).from != kUnset) best(place).score -= sum;
    }
  }

  // Emits the best way to `pos` and forgets what lies before it.
  void decide(uint32_t pos) {
    if (pos == base_) return;
    std::vector<Segment>& segments = scratch_.segments;
    segments.clear();
    for (uint32_t end = pos; end > base_;) {
      const Best& last = best(end);
      segments.push_back({last.from, end, last.id});
      end = last.from;
    }
    std::for_each(segments.rbegin(), segments.rend(), [&](const Segment& segment) { emit(segment); });
    std::copy(&best(pos), &best(reach_) + 1, scratch_.best.data());
    base_ = pos;
  }

  // The last place, base_ or later, that is on the best ways to all undecided places.
  uint32_t common_place(uint32_t pos) {
    std::vector<uint8_t>& marked = scratch_.marked;
    marked.assign(reach_ - base_ + 1, 0);
    size_t n_marked = 0;
    const auto mark = [&](uint32_t place) {
      n_marked += marked[place - base_] == 0;
      marked[place - base_] = 1;
    };
    for (uint32_t place = pos; place <= reach_; ++place) {
      if (best(place).from != kUnset) mark(place);
    }
    uint32_t place = reach_;
    for (;; --place) {
      if (!marked[place - base_]) continue;
      if (n_marked == 1) return place;
      --n_marked;
      mark(best(place).from);
    }
  }

  void emit(const Segment& segment) {
    if (segment.id != model_.unknown_.id_or_none()) {
      end_unknown();
      push(segment.id, segment.begin, segment.end);
      unknown_begin_ = unknown_end_ = segment.end;
    } else {
      if (unknown_begin_ == unknown_end_) unknown_begin_ = segment.begin;
      unknown_end_ = segment.end;
      if (kSentencePiece && can_fall_back()) end_unknown();
    }
  }

  // Emits the unknown characters that wait.
  void end_unknown() {
    if (unknown_begin_ == unknown_end_) return;
    const std::string_view run = text_.substr(unknown_begin_, unknown_end_ - unknown_begin_);
    const int32_t id = kSentencePiece ? -1 : model_.trie_.find(run);
    if (id < 0 && can_fall_back()) {
      for (size_t k = 0; k < run.size(); ++k) {
        const bool whole = !kSentencePiece || k + 1 == run.size();
        push(model_.byte_ids_[static_cast<uint8_t>(run[k])], unknown_begin_, whole ? unknown_end_ : unknown_begin_ + 1);
      }
    } else {
      push(id >= 0 ? id : model_.unknown_.id(run), unknown_begin_, unknown_end_);
    }
    unknown_begin_ = unknown_end_;
  }

  // The unknown characters that wait have byte tokens.
  bool can_fall_back() const {
    const std::string_view run = text_.substr(unknown_begin_, unknown_end_ - unknown_begin_);
    return std::all_of(run.begin(), run.end(),
                       [&](char byte) { return model_.byte_ids_[static_cast<uint8_t>(byte)] >= 0; });
  }

  void push(int32_t id, uint32_t begin, uint32_t end) {
    tokens_.ids.push_back(id);
    if (tokens_.ranges) tokens_.ranges->push_back({begin, end});
  }

  const Unigram& model_;
  std::string_view text_;
  Scratch& scratch_;
  PieceTokens& tokens_;
  uint32_t base_ = 0;   // all before it is decided and emitted
  uint32_t reach_ = 0;  // the last place that a token ends at
  uint32_t unknown_begin_ = 0, unknown_end_ = 0;
};

}  // namespace

std::unique_ptr<PieceModel> make_unigram(const UnigramVocab& vocab, UnigramRules rules, const std::string& source) {
  check(vocab, source);
  if (rules == UnigramRules::sentencepiece)
    return std::make_unique<Unigram<float>>(vocab, found_by_sentencepiece(vocab));
  return std::make_unique<Unigram<double>>(vocab, found_by_hugging_face(vocab));
}

}  // namespace tidemill
