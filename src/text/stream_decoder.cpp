#include <cstddef>
#include <utility>

#include "text/unicode/utf8.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

// After so many ids without text, what there is is given out: garbage must not make the next id ever slower to decode.
constexpr size_t kMaxWaiting = 256;

}  // namespace

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)), skip_special_tokens_(skip_special_tokens) {}

std::string StreamDecoder::push(int32_t id) {
  tokenizer_->token_name(id);  // throws before anything changes
  ids_.push_back(id);
  if (waiting().size() > kMaxWaiting) return give_out(whole_characters());
  std::string text = decode(ids_);
  const bool unfinished = text.size() <= given_.size() || text.ends_with(kReplacementCharacter);
  return unfinished ? std::string() : give_out(waiting().size());
}

std::string StreamDecoder::finish() {
  std::string rest = give_out(waiting().size());
  ids_.clear();
  n_given_ = n_anchor_ = 0;
  given_.clear();
  return rest;
}

std::string StreamDecoder::decode(std::span<const int32_t> ids) const {
  return tokenizer_->decode(ids, skip_special_tokens_);
}

std::span<const int32_t> StreamDecoder::waiting() const {
  return std::span(ids_).subspan(n_given_);
}

// How many of the waiting ids to give out so that no character is cut.  A run of bytes that ends inside a character is
// replaced byte by byte, which makes it longer than the same run without that character.
size_t StreamDecoder::whole_characters() const {
  const size_t n_waiting = waiting().size();
  size_t n_best = n_waiting;
  size_t best_size = decode(waiting()).size();
  for (size_t n = n_waiting - 1; n + 4 > n_waiting; --n) {
    const size_t size = decode(waiting().first(n)).size();
    if (size < best_size) n_best = n, best_size = size;
  }
  return n_best;
}

// The text of the first `n_ids` waiting ids, which are then the context of the next.
std::string StreamDecoder::give_out(size_t n_ids) {
  const std::span<const int32_t> now = waiting().first(n_ids);
  std::string text = decode(std::span(ids_).first(n_given_ + n_ids));
  if (text.starts_with(given_)) {
    text.erase(0, given_.size());
  } else {  // a run of byte tokens began well and turned out not to be UTF-8
    text = decode(now);
  }
  given_ = decode(now);
  // SentencePiece leaves spaces out as long as there is no text.  An id that is text only after other text is kept
  // together with some that have any, and these are the same however many such ids come.
  n_anchor_ = !given_.empty() ? 0 : n_anchor_ > 0 ? n_anchor_ : n_given_;
  ids_.erase(ids_.begin() + static_cast<std::ptrdiff_t>(n_anchor_),
             ids_.begin() + static_cast<std::ptrdiff_t>(n_given_));
  n_given_ = n_anchor_ + n_ids;
  if (n_anchor_ > 0) given_ = decode(std::span(ids_).first(n_given_));
  return text;
}

}  // namespace tidemill
