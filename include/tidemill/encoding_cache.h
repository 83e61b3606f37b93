// EncodingCache: the ids of whole texts that come again and again, such as system prompts, headings and questions, in
// front of a Tokenizer.  A tokenizer has a cache of pieces of its own, which makes new texts quick; this one is for
// texts that come back unchanged, which then cost a look-up.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/cache.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

// All functions may be called from any number of threads.
class EncodingCache {
 public:
  using Ids = std::shared_ptr<const std::vector<int32_t>>;

  // Longer texts are not kept: they seldom come back, and would push many short ones out.
  static constexpr size_t kMostTextBytes = size_t{64} << 10;

  // Bytes are those of texts and ids.
  EncodingCache(std::shared_ptr<const Tokenizer> tokenizer, const CacheOptions& options);

  // The ids that Tokenizer::encode gives; throws what it throws.
  Ids encode(std::string_view text, const EncodeOptions& options = {});
  // What Tokenizer::encode_batch gives.  Texts that are padded to the longest of the batch are not kept.
  std::vector<Ids> encode_batch(std::span<const std::string_view> texts, const EncodeOptions& options = {},
                                int n_threads = 1);

  CacheStatistics statistics() const { return encodings_.statistics(); }
  void clear() { encodings_.clear(); }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  Cache<std::string, Ids, StringHash> encodings_;  // by the options' bytes and the text
};

}  // namespace tidemill
