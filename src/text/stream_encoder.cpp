// Where text may be cut: before a space that follows an ASCII letter or digit, once the tokenizer says that it splits
// there (Tokenizer::splits_at_word_ends).  Both characters must have come, so nothing that comes later moves the cut.
// ASCII only, because what is a letter must not depend on a combining mark that is still to come.
#include <algorithm>
#include <utility>

#include "tidemill/error.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

bool is_ascii_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// The last place in `text`, behind byte `from`, where a word ends; 0 when there is none.
size_t last_word_end(std::string_view text, size_t from) {
  for (size_t at = text.size(); at-- > std::max<size_t>(from, 1);) {
    if (text[at] == ' ' && is_ascii_letter_or_digit(text[at - 1])) return at;
  }
  return 0;
}

}  // namespace

StreamEncoder::StreamEncoder(std::shared_ptr<const Tokenizer> tokenizer, const EncodeOptions& options)
    : tokenizer_(std::move(tokenizer)), options_(options) {
  if (options.truncation || options.padding) {
    throw Error(ErrorCode::invalid_argument,
                "stream encoder: truncation and padding need the whole text; encode it at once or leave them out");
  }
  if (!options_.add_special_tokens || !tokenizer_->splits_at_word_ends()) return;
  // What is added around a text does not depend on the text.
  options_.add_special_tokens = false;
  const Encoding sample = tokenizer_->encode_full("a");
  std::vector<int32_t>* side = &prefix_;
  for (size_t k = 0; k < sample.ids.size(); ++k) {
    if (sample.sequence_ids[k] < 0) {
      side->push_back(sample.ids[k]);
    } else {
      side = &suffix_;
    }
  }
}

std::vector<int32_t> StreamEncoder::push(std::string_view text) {
  waiting_ += text;
  if (!tokenizer_->splits_at_word_ends()) return {};
  const size_t cut = last_word_end(waiting_, n_searched_);
  if (cut == 0) {
    n_searched_ = waiting_.size();
    return {};
  }
  return give_out(cut, false);
}

std::vector<int32_t> StreamEncoder::finish() {
  std::vector<int32_t> ids = give_out(waiting_.size(), true);
  begun_ = false;
  return ids;
}

std::vector<int32_t> StreamEncoder::give_out(size_t n_bytes, bool last) {
  std::vector<int32_t> ids = tokenizer_->encode(std::string_view(waiting_).substr(0, n_bytes), options_);
  if (!begun_) ids.insert(ids.begin(), prefix_.begin(), prefix_.end());
  if (last) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  waiting_.erase(0, n_bytes);
  n_searched_ = waiting_.size();
  begun_ = true;
  return ids;
}

}  // namespace tidemill
