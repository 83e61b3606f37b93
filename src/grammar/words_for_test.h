// A tokenizer for tests whose tokens are given words.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tidemill/error.h"
#include "tidemill/tokenizer.h"

namespace tidemill::grammar {

class WordTokenizer final : public Tokenizer {
 public:
  explicit WordTokenizer(std::vector<std::string> words, std::vector<int32_t> special = {},
                         std::vector<int32_t> stop = {})
      : words_(std::move(words)), special_(std::move(special)), stop_(std::move(stop)) {}

  std::vector<int32_t> encode(std::string_view, const EncodeOptions&, std::vector<TokenSpan>*) const override {
    return {};
  }
  size_t encode_into(std::string_view, std::span<int32_t>, const EncodeOptions&) const override { return 0; }
  Encoding encode_full(std::string_view, const EncodeOptions&) const override { return {}; }
  Encoding encode_pair(std::string_view, std::string_view, const EncodeOptions&) const override { return {}; }
  std::string decode(std::span<const int32_t> ids, bool) const override {
    std::string text;
    for (const int32_t id : ids) text += token_name(id);
    return text;
  }
  int32_t vocab_size() const override { return static_cast<int32_t>(words_.size()); }
  std::string_view token_bytes(int32_t id, bool) const override { return token_name(id); }
  std::string_view token_name(int32_t id) const override { return words_.at(static_cast<size_t>(id)); }
  int32_t token_id(std::string_view name) const override {
    const auto found = std::find(words_.begin(), words_.end(), name);
    return found == words_.end() ? -1 : static_cast<int32_t>(found - words_.begin());
  }
  bool is_special(int32_t id) const override {
    return std::find(special_.begin(), special_.end(), id) != special_.end();
  }
  std::span<const int32_t> stop_ids() const override { return stop_; }
  int32_t bos_id() const override { return -1; }

 private:
  std::vector<std::string> words_;
  std::vector<int32_t> special_, stop_;
};

}  // namespace tidemill::grammar
