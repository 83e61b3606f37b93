#include "text/text_edit.h"

#include <utility>

#include "text/pieces/byte_alphabet.h"
#include "text/unicode/code_points.h"

namespace tidemill {

void TextEdit::keep_until(size_t end) {
  if (changed_) {
    result_.append(source_.substr(position_, end - position_));
    if (text_.tracked()) append_origins(position_, end);
  }
  position_ = end;
}

void TextEdit::replace(std::string_view with) {
  const size_t size = utf8_size(source_[position_]);
  if (source_.substr(position_, size) == with) return keep_until(position_ + size);
  start_copy();
  append(with, text_.tracked() ? origin_of_byte(position_) : TokenSpan());
  position_ += size;
}

void TextEdit::insert(std::string_view added) {
  if (added.empty()) return;
  start_copy();
  const int64_t start = static_cast<int64_t>(text_.at());
  const bool has_previous = position_ > 0 && text_.tracked();
  append(added, has_previous ? origin_of_byte(previous_start(source_, position_)) : TokenSpan{start, start});
}

void TextEdit::drop(size_t n_bytes) {
  if (n_bytes > 0) start_copy();
  position_ += n_bytes;
}

void TextEdit::finish() {
  keep_until(source_.size());
  if (changed_) text_.assign(std::move(result_), std::move(origins_));
}

TokenSpan TextEdit::origin_of_byte(size_t pos) const {
  if (!text_.origins().empty()) return text_.origins()[pos];
  const size_t begin = text_.at() + pos;
  return {static_cast<int64_t>(begin), static_cast<int64_t>(begin + utf8_size(source_[pos]))};
}

void TextEdit::start_copy() {
  if (changed_) return;
  changed_ = true;
  result_.reserve(source_.size() + source_.size() / 8);
  result_.append(source_.substr(0, position_));
  if (!text_.tracked()) return;
  origins_.reserve(result_.capacity());
  append_origins(0, position_);
}

void TextEdit::append(std::string_view added, TokenSpan origin) {
  result_.append(added);
  if (text_.tracked()) origins_.insert(origins_.end(), added.size(), origin);
}

void TextEdit::append_origins(size_t begin, size_t end) {
  const auto known = text_.origins();
  if (!known.empty()) {
    origins_.insert(origins_.end(), known.begin() + static_cast<ptrdiff_t>(begin),
                    known.begin() + static_cast<ptrdiff_t>(end));
    return;
  }
  for (size_t pos = begin; pos < end;) {
    const size_t size = utf8_size(source_[pos]);
    origins_.insert(origins_.end(), size, origin_of_byte(pos));
    pos += size;
  }
}

void spell_character(TextEdit& edit) {
  const std::string_view rest = edit.source().substr(edit.position());
  const std::string_view character = rest.substr(0, utf8_size(rest[0]));
  edit.replace(byte_character(static_cast<uint8_t>(character[0])));
  for (const char byte : character.substr(1)) edit.insert(byte_character(static_cast<uint8_t>(byte)));
}

}  // namespace tidemill
