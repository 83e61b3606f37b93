#include "text/stages.h"

#include <algorithm>
#include <numeric>

#include "text/reserved_ids.h"
#include "text/words/word_batch.h"
#include "text/words/word_cutter.h"

namespace tidemill {
namespace {

// Pieces that a splitter cuts at a time: enough to pay for the calls, few enough to stay in the first-level cache.
constexpr size_t kBlockPieces = 512;

std::string_view part(std::string_view text, ByteRange range) {
  return text.substr(range.begin, range.end - range.begin);
}

}  // namespace

Stages::Stages(const AddedTokens& added, const Normalizer* normalizer, const PreTokenizer* pre_tokenizer,
               const PieceModel& model)
    : added_(added),
      normalizer_(normalizer),
      pre_tokenizer_(pre_tokenizer),
      model_(model),
      needs_origins_(normalizer && pre_tokenizer && pre_tokenizer->needs_origins()),
      by_words_(!normalizer || pre_tokenizer || added.any(AddedTokens::Stage::normalized) ? nullptr
                                                                                          : normalizer->by_words()),
      word_bounds_(find_word_bounds()),
      ascii_words_(make_ascii_words()),
      special_text_matters_(std::any_of(added.tokens().begin(), added.tokens().end(),
                                        [](const AddedToken& token) { return token.special && token.normalized; })) {}

void Stages::encode(std::string_view text, SpecialText special_text, PipelineScratch& scratch,
                    TextTokens& tokens) const {
  if (model_.reads_raw_text() && !tokens.tracked()) return encode_raw(text, special_text, scratch, tokens);
  encode_stages(text, 0, special_text, scratch, tokens);
}

const WordNormalizer* Stages::by_words(std::string_view text, SpecialText special_text) const {
  AddedTokens::Cursor cursor;
  if (!by_words_ || model_.reads_raw_text()) return nullptr;
  return added_.next(AddedTokens::Stage::original, text, special_text, cursor) ? nullptr : by_words_;
}

void Stages::encode_raw(std::string_view text, SpecialText special_text, PipelineScratch& scratch,
                        TextTokens& tokens) const {
  split_at_added_tokens(
      AddedTokens::Stage::raw, text, special_text,
      [&](const AddedTokens::Match& match) { add_token(match.token, {}, tokens); },
      [&](size_t begin, size_t end) {
        const std::string_view stretch = text.substr(begin, end - begin);
        if (model_.encode_raw(stretch, begin == 0, *scratch.model, tokens.ids)) return;
        encode_stages(stretch, begin, special_text, scratch, tokens);
      });
}

void Stages::encode_stages(std::string_view text, size_t at, SpecialText special_text, PipelineScratch& scratch,
                           TextTokens& tokens) const {
  const bool by_words = !tokens.tracked() && words_are_independent() && scratch.words.is_on() &&
                        (special_text == SpecialText::parse || !special_text_matters_);
  split_at_added_tokens(
      AddedTokens::Stage::original, text, special_text,
      [&](const AddedTokens::Match& match) {
        add_token(match.token, {static_cast<int64_t>(match.begin), static_cast<int64_t>(match.end)}, tokens);
      },
      [&](size_t begin, size_t end) {
        const std::string_view stretch = text.substr(begin, end - begin);
        if (by_words && encode_words(stretch, scratch, tokens.ids)) return;
        encode_stretch(stretch, at + begin, special_text, scratch, tokens);
      });
}

// The text between added tokens goes on to the next stage.
template <typename OnToken, typename OnText>
void Stages::split_at_added_tokens(AddedTokens::Stage stage, std::string_view text, SpecialText special_text,
                                   OnToken&& on_token, OnText&& on_text) const {
  AddedTokens::Cursor cursor;
  size_t end = 0;
  while (const auto match = added_.next(stage, text, special_text, cursor)) {
    if (end < match->begin) on_text(end, match->begin);
    if (match->begin < match->end) on_token(*match);
    end = match->end;
  }
  if (end < text.size()) on_text(end, text.size());
}

void Stages::add_token(size_t index, TokenSpan span, TextTokens& tokens) const {
  tokens.ids.push_back(added_.tokens()[index].id);
  if (tokens.spans) tokens.spans->push_back(span);
  if (tokens.word_ids) tokens.word_ids->push_back(tokens.n_words++);
}

void Stages::encode_stretch(std::string_view text, size_t at, SpecialText special_text, PipelineScratch& scratch,
                            TextTokens& tokens) const {
  const bool tracked = tokens.tracked() || needs_origins_;
  if (by_words_ && !tracked && model_.encode_by_words(text, *by_words_, *scratch.model, tokens.ids)) return;
  NormalizedText normalized(text, tracked ? NormalizedText::Track::origins : NormalizedText::Track::no, at);
  if (normalizer_) normalizer_->apply(normalized);
  if (!added_.any(AddedTokens::Stage::normalized)) return encode_pieces(normalized, scratch, tokens);
  split_at_added_tokens(
      AddedTokens::Stage::normalized, normalized.text(), special_text,
      [&](const AddedTokens::Match& match) {
        const ByteRange range{static_cast<uint32_t>(match.begin), static_cast<uint32_t>(match.end)};
        add_token(match.token, normalized.tracked() ? normalized.origin(range) : TokenSpan{}, tokens);
      },
      [&](size_t begin, size_t end) {
        if (begin == 0 && end == normalized.text().size()) return encode_pieces(normalized, scratch, tokens);
        encode_part(normalized, begin, end, scratch, tokens);
      });
}

void Stages::encode_part(const NormalizedText& text, size_t begin, size_t end, PipelineScratch& scratch,
                         TextTokens& tokens) const {
  const std::string_view view = text.text().substr(begin, end - begin);
  const auto track = text.tracked() ? NormalizedText::Track::origins : NormalizedText::Track::no;
  const bool edited = !text.origins().empty();
  const size_t at = edited ? static_cast<size_t>(text.origins()[begin].begin) : text.at() + begin;
  NormalizedText part_of_text(view, track, at);
  if (edited) {
    const auto origins = text.origins().subspan(begin, end - begin);
    part_of_text.assign(std::string(view), {origins.begin(), origins.end()});
  }
  encode_pieces(part_of_text, scratch, tokens);
}

void Stages::encode_pieces(NormalizedText& text, PipelineScratch& scratch, TextTokens& tokens) const {
  if (text.text().empty()) return;
  const Splitter* const splitter = pre_tokenizer_ ? pre_tokenizer_->as_splitter() : nullptr;
  if (splitter) return encode_blocks(*splitter, text, scratch, tokens);
  scratch.pieces.assign(1, {0, static_cast<uint32_t>(text.text().size())});
  if (pre_tokenizer_) pre_tokenizer_->apply(text, scratch.pieces);
  encode_block(text, scratch, tokens);
}

void Stages::encode_blocks(const Splitter& splitter, const NormalizedText& text, PipelineScratch& scratch,
                           TextTokens& tokens) const {
  const size_t n_before = tokens.ids.size();
  for (size_t pos = 0; pos < text.text().size();) {
    scratch.pieces.clear();
    pos = splitter.split(text.text(), pos, kBlockPieces, scratch.pieces);
    encode_block(text, scratch, tokens);
    reserve_for_rest(tokens.ids, n_before, static_cast<double>(text.text().size()) / static_cast<double>(pos));
  }
}

void Stages::encode_block(const NormalizedText& text, PipelineScratch& scratch, TextTokens& tokens) const {
  if (!tokens.tracked()) {
    model_.encode(text.text(), scratch.pieces, *scratch.model, {tokens.ids});
    return;
  }
  scratch.ranges.clear();
  scratch.piece_of.clear();
  model_.encode(text.text(), scratch.pieces, *scratch.model, {tokens.ids, &scratch.ranges, &scratch.piece_of});
  if (tokens.spans) {
    for (const ByteRange range : scratch.ranges) tokens.spans->push_back(text.origin(range));
  }
  if (tokens.word_ids) {
    for (const uint32_t piece : scratch.piece_of) {
      tokens.word_ids->push_back(tokens.n_words + static_cast<int32_t>(piece));
    }
  }
  tokens.n_words += static_cast<int32_t>(scratch.pieces.size());
}

// Added tokens with white space inside would be torn apart.
WordBounds Stages::find_word_bounds() const {
  if (!pre_tokenizer_ || !pre_tokenizer_->drops_white_space() || pre_tokenizer_->needs_origins())
    return WordBounds::crossed;
  if (added_.cut_everywhere()) return WordBounds::crossed;
  for (size_t k = 0; k < added_.tokens().size(); ++k) {
    const bool has_space = added_.spelling(k).find_first_of(kWordSpaces) != std::string_view::npos;
    if (added_.tokens()[k].normalized && has_space) return WordBounds::crossed;
  }
  return normalizer_ ? normalizer_->word_bounds() : WordBounds::respected;
}

std::optional<AsciiWords> Stages::make_ascii_words() const {
  if (word_bounds_ != WordBounds::respected || !pre_tokenizer_->ascii_classes()) return {};
  AsciiMap unchanged;
  std::iota(unchanged.becomes.begin(), unchanged.becomes.end(), uint8_t{0});
  const AsciiMap* const map = normalizer_ ? normalizer_->ascii_map() : &unchanged;
  if (!map) return {};
  return AsciiWords(*map, *pre_tokenizer_->ascii_classes());
}

// False when a word does not stand alone; then nothing is appended.
bool Stages::encode_words(std::string_view text, PipelineScratch& scratch, std::vector<int32_t>& ids) const {
  const size_t n_before = ids.size();
  for (size_t pos = 0; const size_t n_words = cut_words(text, pos, scratch.word_ranges);) {
    const std::span<const uint16_t> missing = scratch.words.find(text, std::span(scratch.word_ranges).first(n_words));
    if (!missing.empty() && !encode_missing(text, missing, scratch)) {
      ids.resize(n_before);
      return false;
    }
    scratch.words.emit(n_words, ids);
    reserve_for_rest(ids, n_before, static_cast<double>(text.size()) / static_cast<double>(pos));
  }
  return true;
}

// Hands the missing words of scratch.word_ranges to scratch.words.
bool Stages::encode_missing(std::string_view text, std::span<const uint16_t> missing, PipelineScratch& scratch) const {
  WordBatch& batch = scratch.batch;
  batch.clear();
  for (const uint16_t k : missing) {
    const std::string_view word = part(text, scratch.word_ranges[k]);
    if (add_ascii_to_batch(word, batch)) {
      batch.words.push_back(k);
      continue;
    }
    NormalizedText normalized(word, NormalizedText::Track::no);
    if (normalizer_) normalizer_->apply(normalized);
    if (!stands_alone(word, normalized.text())) return false;
    if (!holds_added_token(normalized.text())) {
      batch.words.push_back(k);
      add_to_batch(normalized, batch);
      continue;
    }
    batch.ids_of_one.clear();
    TextTokens tokens{batch.ids_of_one};
    encode_stretch(word, 0, SpecialText::parse, scratch, tokens);
    scratch.words.set(k, word, batch.ids_of_one);
  }
  model_.encode(batch.text, batch.pieces, *scratch.model, {batch.ids, nullptr, &batch.id_pieces});
  size_t end = 0;
  for (size_t n = 0; n < batch.words.size(); ++n) {
    const size_t begin = end;
    while (end < batch.ids.size() && batch.id_pieces[end] < batch.piece_ends[n]) ++end;
    const uint16_t k = batch.words[n];
    scratch.words.set(k, part(text, scratch.word_ranges[k]), std::span(batch.ids).subspan(begin, end - begin));
  }
  return true;
}

// The short way, where it leads to the same.
bool Stages::add_ascii_to_batch(std::string_view word, WordBatch& batch) const {
  if (!ascii_words_) return false;
  const size_t n_text = batch.text.size();
  const size_t n_pieces = batch.pieces.size();
  if (!ascii_words_->append(word, batch.text, batch.pieces)) return false;
  if (holds_added_token(std::string_view(batch.text).substr(n_text))) {
    batch.text.resize(n_text);
    batch.pieces.resize(n_pieces);
    return false;
  }
  batch.piece_ends.push_back(static_cast<uint32_t>(batch.pieces.size()));
  return true;
}

void Stages::add_to_batch(NormalizedText& word, WordBatch& batch) const {
  const size_t n_before = batch.pieces.size();
  if (const Splitter* const splitter = pre_tokenizer_->as_splitter()) {
    const std::string_view text = word.text();
    for (size_t pos = 0; pos < text.size();) pos = splitter->split(text, pos, text.size(), batch.pieces);
  } else if (!word.text().empty()) {
    batch.pieces_of_one.assign(1, {0, static_cast<uint32_t>(word.text().size())});
    pre_tokenizer_->apply(word, batch.pieces_of_one);
    batch.pieces.insert(batch.pieces.end(), batch.pieces_of_one.begin(), batch.pieces_of_one.end());
  }
  const auto at = static_cast<uint32_t>(batch.text.size());
  for (size_t k = n_before; k < batch.pieces.size(); ++k) batch.pieces[k].begin += at, batch.pieces[k].end += at;
  batch.text += word.text();
  batch.piece_ends.push_back(static_cast<uint32_t>(batch.pieces.size()));
}

bool Stages::holds_added_token(std::string_view normalized) const {
  AddedTokens::Cursor cursor;
  return added_.any(AddedTokens::Stage::normalized) &&
         added_.next(AddedTokens::Stage::normalized, normalized, SpecialText::parse, cursor);
}

// True when `word` becomes `normalized` wherever it stands, also behind a space.
bool Stages::stands_alone(std::string_view word, std::string_view normalized) const {
  if (word_bounds_ == WordBounds::respected) return true;
  const std::string spaced = " " + std::string(word);
  NormalizedText behind_space(spaced, NormalizedText::Track::no);
  normalizer_->apply(behind_space);
  std::string_view before = behind_space.text();
  if (!before.ends_with(normalized)) return false;
  before.remove_suffix(normalized.size());
  return before.find_first_not_of(kWordSpaces) == before.npos;
}

}  // namespace tidemill
