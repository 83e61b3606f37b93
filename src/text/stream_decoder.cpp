#include <utility>

#include "text/utf8.h"
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
  return take_new_text(ids_.size() - n_given_ > kMaxWaiting);
}

std::string StreamDecoder::finish() {
  std::string rest = take_new_text(true);
  ids_.clear();
  n_given_ = 0;
  given_.clear();
  return rest;
}

std::string StreamDecoder::take_new_text(bool even_if_unfinished) {
  std::string text = tokenizer_->decode(ids_, skip_special_tokens_);
  const bool unfinished = text.size() <= given_.size() || text.ends_with(kReplacementCharacter);
  if (unfinished && !even_if_unfinished) return {};
  const auto waiting = std::span<const int32_t>(ids_).subspan(n_given_);
  if (text.starts_with(given_)) {
    text.erase(0, given_.size());
  } else {  // a run of byte tokens began well and turned out not to be UTF-8
    text = tokenizer_->decode(waiting, skip_special_tokens_);
  }
  ids_.assign(waiting.begin(), waiting.end());
  n_given_ = ids_.size();
  given_ = tokenizer_->decode(ids_, skip_special_tokens_);
  return text;
}

}  // namespace tidemill
