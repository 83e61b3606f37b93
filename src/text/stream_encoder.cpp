#include <algorithm>
#include <utility>

#include "text/word_parts.h"
#include "tidemill/error.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

// The last place in `text`, behind byte `from`, where a word ends; 0 when there is none.
size_t last_word_end(std::string_view text, size_t from) {
  for (size_t at = text.size(); at-- > std::max<size_t>(from, 1);) {
    if (is_word_end(text, at)) return at;
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
  AddedAround added = added_around(*tokenizer_);
  prefix_ = std::move(added.before);
  suffix_ = std::move(added.after);
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
