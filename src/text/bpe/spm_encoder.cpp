#include "text/bpe/spm_encoder.h"

#include <algorithm>
#include <utility>

#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

std::vector<BpeMerger::Role> merge_roles(const std::vector<TokenType>& types) {
  std::vector<BpeMerger::Role> roles;
  roles.reserve(types.size());
  for (const TokenType type : types) {
    roles.push_back(type == TokenType::normal   ? BpeMerger::Role::piece
                    : type == TokenType::unused ? BpeMerger::Role::resplit
                                                : BpeMerger::Role::none);
  }
  return roles;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (size_t pos; (pos = text.find(from)) != text.npos; text.remove_prefix(pos + from.size())) {
    result.append(text.substr(0, pos)).append(to);
  }
  return result.append(text);
}

// Bytes of the space at `pos`: 1 for ' ', 3 for U+2581, 0 for anything else.
size_t space_at(std::string_view text, size_t pos) {
  if (text[pos] == ' ') return 1;
  return text.compare(pos, kSpaceSymbol.size(), kSpaceSymbol) == 0 ? kSpaceSymbol.size() : 0;
}

}  // namespace

std::string escape_spaces(std::string_view text) {
  return replace_all(text, " ", kSpaceSymbol);
}
std::string unescape_spaces(std::string_view text) {
  return replace_all(text, kSpaceSymbol, " ");
}

// One call of `encode`: reads the text front to back and gathers a word, which it merges and emits at each cut.
class SpmEncoder::Pass {
 public:
  Pass(const SpmEncoder& encoder, std::string_view text, std::vector<int32_t>& ids, std::vector<TokenSpan>* spans)
      : encoder_(encoder), text_(text), ids_(ids), spans_(spans) {}

  // Bytes [begin, end) of the text, which hold no special token.
  void stretch(size_t begin, size_t end, bool space_prefix);
  void emit(int32_t id, size_t begin, size_t end);

 private:
  void spaces(std::string_view head, bool space_prefix);
  void characters(std::string_view head);
  void append(std::string_view bytes, size_t from, size_t from_step);
  void append_space(size_t n_read);
  void flush();
  void emit_bytes(std::string_view bytes, size_t at);
  // Where in text_ the byte of word_ at `at` comes from; for its end, what comes next.
  size_t origin(size_t at) const { return at < origins_.size() ? origins_[at] : pos_; }

  const SpmEncoder& encoder_;
  std::string_view text_;
  std::vector<int32_t>& ids_;
  std::vector<TokenSpan>* spans_;
  size_t pos_ = 0;               // read so far
  std::string word_;             // what was read since the last cut, with U+2581 for spaces
  std::vector<size_t> origins_;  // one per byte of word_, only with spans_
  bool after_unknown_ = false;   // the last id is the unknown token
  BpeMerger::Scratch scratch_;
};

void SpmEncoder::Pass::stretch(size_t begin, size_t end, bool space_prefix) {
  const std::string_view head = text_.substr(0, end);
  pos_ = begin;
  spaces(head, space_prefix);
  while (pos_ < end) {
    characters(head);
    spaces(head, false);
  }
  flush();
}

// Reads the run of spaces at pos_; the prefix counts as its first.  As many as possible become tokens of space runs,
// longest first; the rest belongs to words.
void SpmEncoder::Pass::spaces(std::string_view head, bool space_prefix) {
  size_t n_spaces = space_prefix ? 1 : 0;
  for (size_t pos = pos_, size; pos < head.size() && (size = space_at(head, pos)) > 0; pos += size) ++n_spaces;
  const auto next_size = [&] { return std::exchange(space_prefix, false) ? 0 : space_at(head, pos_); };
  while (n_spaces > 0) {
    const size_t run = encoder_.longest_run_[std::min(n_spaces, encoder_.longest_run_.size() - 1)];
    if (run == 0) {
      append_space(next_size());
      --n_spaces;
      continue;
    }
    flush();
    const size_t begin = pos_;
    for (size_t k = 0; k < run; ++k) pos_ += next_size();
    emit(encoder_.space_runs_[run], begin, pos_);
    n_spaces -= run;
  }
}

// Reads up to the next space.
void SpmEncoder::Pass::characters(std::string_view head) {
  size_t begin = pos_;  // of what was read but not appended
  size_t pos = pos_;
  while (pos < head.size() && space_at(head, pos) == 0) {
    const Utf8Step step = utf8_step(head.substr(pos));
    if (!step.valid) {
      append(head.substr(begin, pos - begin), begin, 1);
      append(kReplacementCharacter, pos, 0);
      begin = pos + step.n_bytes;
    }
    pos += step.n_bytes;
  }
  append(head.substr(begin, pos - begin), begin, 1);
  pos_ = pos;
}

void SpmEncoder::Pass::append_space(size_t n_read) {
  if (!word_.empty() && !encoder_.joins_space_[static_cast<uint8_t>(word_.back())]) flush();
  append(kSpaceSymbol, pos_, 0);
  pos_ += n_read;
}

// Adds `bytes` to the word; the first comes from `from`, each further one from `from_step` bytes later.
void SpmEncoder::Pass::append(std::string_view bytes, size_t from, size_t from_step) {
  word_ += bytes;
  if (!spans_) return;
  for (size_t k = 0; k < bytes.size(); ++k) origins_.push_back(from + k * from_step);
}

void SpmEncoder::Pass::flush() {
  for (const BpeMerger::Piece& piece : encoder_.merger_.merge(word_, scratch_)) {
    if (piece.id >= 0) {
      emit(piece.id, origin(piece.begin), origin(piece.end));
    } else {
      emit_bytes(std::string_view(word_).substr(piece.begin, piece.end - piece.begin), piece.begin);
    }
  }
  word_.clear();
  origins_.clear();
}

void SpmEncoder::Pass::emit(int32_t id, size_t begin, size_t end) {
  ids_.push_back(id);
  if (spans_) spans_->push_back({static_cast<int64_t>(begin), static_cast<int64_t>(end)});
  after_unknown_ = false;
}

// A character that is no token, at byte `at` of the word.
void SpmEncoder::Pass::emit_bytes(std::string_view bytes, size_t at) {
  const auto id_of = [&](char byte) { return encoder_.byte_ids_[static_cast<uint8_t>(byte)]; };
  if (std::all_of(bytes.begin(), bytes.end(), [&](char byte) { return id_of(byte) >= 0; })) {
    for (size_t k = 0; k < bytes.size(); ++k) emit(id_of(bytes[k]), origin(at + k), origin(at + k + 1));
  } else if (!after_unknown_) {
    emit(encoder_.unknown_, origin(at), origin(at + bytes.size()));
    after_unknown_ = true;
  } else if (spans_) {
    spans_->back().end = static_cast<int64_t>(origin(at + bytes.size()));
  }
}

SpmEncoder::SpmEncoder(const SpmVocab& vocab, const TokenIndex& index, const std::array<int32_t, 256>& byte_ids)
    : byte_ids_(byte_ids),
      unknown_(vocab.unknown),
      add_space_prefix_(vocab.add_space_prefix),
      merger_(index, vocab.scores, merge_roles(vocab.types)) {
  find_special(vocab);
  find_joined_spaces(vocab);
}

void SpmEncoder::find_special(const SpmVocab& vocab) {
  std::vector<SpecialTokens::Entry> user_defined;
  std::vector<SpecialTokens::Entry> control;
  is_control_.resize(vocab.tokens.size());
  space_runs_.assign(1, -1);
  for (size_t k = 0; k < vocab.tokens.size(); ++k) {
    const TokenType type = vocab.types[k];
    const auto id = static_cast<int32_t>(k);
    if (vocab.tokens[k].empty()) continue;
    if (type == TokenType::user_defined) {
      add_user_defined(vocab.tokens[k], id, user_defined);
    } else if (type == TokenType::control || type == TokenType::unknown || type == TokenType::reserved) {
      control.push_back({std::string(vocab.tokens[k]), id});
      is_control_[k] = true;
    }
  }
  control.insert(control.end(), user_defined.begin(), user_defined.end());
  user_defined_ = SpecialTokens(std::move(user_defined));
  all_special_ = SpecialTokens(std::move(control));
  longest_run_.assign(space_runs_.size(), 0);
  for (uint32_t n = 1; n < space_runs_.size(); ++n) longest_run_[n] = space_runs_[n] >= 0 ? n : longest_run_[n - 1];
}

// Files spell the spaces of user-defined tokens either way; in a text U+2581 is matched as such, and a space as a
// space.
void SpmEncoder::add_user_defined(std::string_view token, int32_t id, std::vector<SpecialTokens::Entry>& entries) {
  const std::string plain = unescape_spaces(token);
  entries.push_back({escape_spaces(plain), id});
  if (plain.find_first_not_of(' ') == plain.npos) {  // `Pass::spaces` finds these runs
    if (plain.size() >= space_runs_.size()) space_runs_.resize(plain.size() + 1, -1);
    if (space_runs_[plain.size()] < 0) space_runs_[plain.size()] = id;
  } else if (plain.find(' ') != plain.npos) {
    entries.push_back({plain, id});
  }
}

void SpmEncoder::find_joined_spaces(const SpmVocab& vocab) {
  for (size_t k = 0; k < vocab.tokens.size(); ++k) {
    // What such a token is split into depends on all of the text before, so that words cannot be taken one by one.
    if (vocab.types[k] == TokenType::unused) joins_space_.set();
    if (vocab.types[k] != TokenType::normal) continue;
    const std::string_view token = vocab.tokens[k];
    for (size_t pos = 0; (pos = token.find(kSpaceSymbol, pos + 1)) != token.npos;) {
      joins_space_.set(static_cast<uint8_t>(token[pos - 1]));
    }
  }
}

void SpmEncoder::encode(std::string_view text, bool parse_special_tokens, std::vector<int32_t>& ids,
                        std::vector<TokenSpan>* spans) const {
  const SpecialTokens& special = parse_special_tokens ? all_special_ : user_defined_;
  Pass pass(*this, text, ids, spans);
  bool at_stretch_start = true;
  size_t pos = 0;
  while (true) {
    const std::optional<SpecialTokens::Match> match = special.find(text, pos);
    const size_t end = match ? match->begin : text.size();
    const bool control = match && is_control_[match->id];
    const bool has_text = end > pos || (match && !control);
    pass.stretch(pos, end, add_space_prefix_ && at_stretch_start && has_text);
    if (!match) return;
    pass.emit(match->id, match->begin, match->end);
    at_stretch_start = control;
    pos = match->end;
  }
}

}  // namespace tidemill
