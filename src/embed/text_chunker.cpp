#include "embed/text_chunker.h"

#include <algorithm>

#include "embed/stripped.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

constexpr size_t kMostUnitBytes = 256;        // longer words are cut
constexpr size_t kMostChunkBytes = 16 << 10;  // also of what tokenizers make no tokens of

// Characters that words of Chinese and Japanese are made of; a word may end before each.
bool stands_alone(char32_t c) {
  return unicode::has(c, unicode::Flag::han) || (c >= 0x3040 && c <= 0x30FF);
}

// The text without a last character of which bytes are missing.
std::string_view whole_characters(std::string_view text) {
  for (size_t n = 1; n <= std::min<size_t>(3, text.size()); ++n) {
    const auto byte = static_cast<unsigned char>(text[text.size() - n]);
    if (byte < 0x80) break;
    if (byte < 0xC0) continue;  // not the first of its character
    const size_t n_wanted = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
    return n < n_wanted ? text.substr(0, text.size() - n) : text;
  }
  return text;
}

// The end of the unit that begins at `begin`: white space, then a word.  0 while it may go on.
size_t unit_end(std::string_view text, size_t begin, bool is_all) {
  bool has_word = false;
  for (size_t at = begin; at < text.size();) {
    const DecodedCharacter next = first_character(text.substr(at));
    const bool is_space = unicode::is_white_space(next.code_point);
    const bool ends_here = is_space || stands_alone(next.code_point) || at - begin >= kMostUnitBytes;
    if (has_word && ends_here && !unicode::is_mark(next.code_point)) return at;
    if (at - begin >= 2 * kMostUnitBytes) return at;  // of marks only, or of white space
    has_word |= !is_space;
    at += next.n_bytes;
  }
  return is_all && has_word ? text.size() : 0;
}

// Half of a unit, cut at a character; the unit when it has only one.
size_t half_of(std::string_view text, size_t begin, size_t end) {
  size_t at = begin;
  while (at < begin + (end - begin) / 2) at += first_character(text.substr(at)).n_bytes;
  return at == begin || at >= end ? end : at;
}

}  // namespace

void TextChunker::push(std::string_view text, std::vector<TextChunk>& chunks) {
  pending_ += text;
  advance(whole_characters(pending_), false, chunks);
}

void TextChunker::finish(std::vector<TextChunk>& chunks) {
  take_all(false, chunks);
  drop_front(pending_.size());  // white space, and what the last chunk had from the one before
  units_.clear();
}

void TextChunker::take_all(bool whole_characters_only, std::vector<TextChunk>& chunks) {
  const auto visible = [&] { return whole_characters_only ? whole_characters(pending_) : std::string_view(pending_); };
  advance(visible(), true, chunks);
  while (taken() > n_shared_bytes_) {
    emit(chunks);
    advance(visible(), true, chunks);  // a word may have been left
  }
}

void TextChunker::cut(std::vector<TextChunk>& chunks) {
  if (taken() <= n_shared_bytes_) advance(whole_characters(pending_), true, chunks);
  if (taken() > n_shared_bytes_) emit(chunks);
}

// Takes units of `text`, the beginning of pending_, as far as they are certain.
void TextChunker::advance(std::string_view text, bool is_all, std::vector<TextChunk>& chunks) {
  size_t n_visible = text.size();
  while (true) {
    if (taken() == 0) {
      size_t n_space = 0;
      while (n_space < n_visible) {
        const DecodedCharacter first = first_character(std::string_view(pending_).substr(n_space));
        if (!unicode::is_white_space(first.code_point)) break;
        n_space += first.n_bytes;
      }
      n_space = std::min(n_space, n_visible);
      drop_front(n_space);
      n_visible -= n_space;
    }
    const size_t n_pending = pending_.size();
    const std::string_view visible = std::string_view(pending_).substr(0, n_visible);
    const auto sentence_end = options_.by_sentence ? scanner_.find_end(visible, is_all) : std::nullopt;
    const std::string_view sentence = visible.substr(0, sentence_end.value_or(n_visible));
    const size_t end = unit_end(sentence, taken(), is_all || sentence_end.has_value());
    if (end > 0)
      add_unit(end, chunks);
    else if (sentence_end && taken() > n_shared_bytes_)
      emit(chunks);
    else
      return;
    n_visible -= n_pending - pending_.size();
  }
}

// Adds the unit that ends there to the chunk, which is emitted before when it would have too many tokens, or a part of
// the unit when that alone has too many.
void TextChunker::add_unit(size_t end, std::vector<TextChunk>& chunks) {
  const std::string_view text = pending_;
  int64_t n_of_unit = options_.count(text.substr(taken(), end - taken()));
  if (n_tokens_ + n_of_unit > options_.most_tokens && !units_.empty())
    n_tokens_ = options_.count(stripped(text.substr(0, taken())));  // together they may have fewer
  const bool is_full = n_tokens_ + n_of_unit > options_.most_tokens || end > kMostChunkBytes;
  if (is_full && taken() > n_shared_bytes_) return emit(chunks);
  if (is_full && n_shared_bytes_ > 0) {  // what is shared leaves no room for a word
    begin_token_ += options_.count(stripped(text.substr(0, n_shared_bytes_)));
    drop_front(n_shared_bytes_);
    units_.clear();
    n_tokens_ = 0;
    return;
  }
  while (n_of_unit > options_.most_tokens) {
    const size_t half = half_of(text, taken(), end);
    if (half == end) break;
    end = half;
    n_of_unit = options_.count(text.substr(taken(), end - taken()));
  }
  units_.push_back({end, n_of_unit});
  n_tokens_ += n_of_unit;
}

void TextChunker::emit(std::vector<TextChunk>& chunks) {
  std::string_view whole, text;
  int64_t n_tokens = 0;
  while (true) {
    whole = std::string_view(pending_).substr(0, taken());
    text = stripped(whole);
    n_tokens = options_.count(text);
    const bool has_others = units_.size() > 1 && units_[units_.size() - 2].end > n_shared_bytes_;
    if (n_tokens <= options_.most_tokens || !has_others) break;
    units_.pop_back();  // it has more tokens beside the others than alone
  }
  if (!text.empty()) {
    TextChunk& chunk = chunks.emplace_back();
    chunk.text = text;
    chunk.begin_byte = n_before_ + (text.data() - whole.data());
    chunk.end_byte = chunk.begin_byte + std::ssize(text);
    chunk.begin_token = begin_token_;
    chunk.end_token = begin_token_ = begin_token_ + n_tokens;
  }
  keep_overlap(whole.size());
}

// Goes on behind the chunk that ended there, or as many units before as may be shared.
void TextChunker::keep_overlap(size_t end) {
  size_t first = units_.size();
  int64_t n_shared = 0;
  while (first > 1 && n_shared + units_[first - 1].n_tokens <= options_.overlap) n_shared += units_[--first].n_tokens;
  const size_t begin = first == 0 || first == units_.size() ? end : units_[first - 1].end;
  units_.erase(units_.begin(), units_.begin() + static_cast<std::ptrdiff_t>(first));
  drop_front(begin);
  for (Unit& unit : units_) unit.end -= begin;
  n_tokens_ = n_shared;
  n_shared_bytes_ = end - begin;
  begin_token_ -=
      n_shared_bytes_ == 0 ? 0 : options_.count(stripped(std::string_view(pending_).substr(0, n_shared_bytes_)));
}

void TextChunker::drop_front(size_t n_bytes) {
  if (n_bytes == 0) return;
  pending_.erase(0, n_bytes);
  n_before_ += static_cast<int64_t>(n_bytes);
  n_shared_bytes_ -= std::min(n_shared_bytes_, n_bytes);
  scanner_.restart();
}

}  // namespace tidemill
