// Many texts at once: the only place where encoding uses threads.

#include <algorithm>

#include "sys/thread_pool.h"
#include "text/encoding.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

// Texts are handed out one by one: they may differ in length by orders of magnitude.
template <typename Encode>
void for_each_text(size_t n_texts, int n_threads, Encode&& encode) {
  ThreadPool pool(n_threads);
  pool.parallel_for(static_cast<int64_t>(n_texts), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t k = begin; k < end; ++k) encode(static_cast<size_t>(k));
  });
}

}  // namespace

std::vector<Encoding> Tokenizer::encode_full_batch(std::span<const std::string_view> texts,
                                                   const EncodeOptions& options, int n_threads) const {
  EncodeOptions unpadded = options;
  unpadded.padding.reset();
  std::vector<Encoding> encodings(texts.size());
  for_each_text(texts.size(), n_threads, [&](size_t k) { encodings[k] = encode_full(texts[k], unpadded); });
  if (!options.padding) return encodings;
  size_t longest = 0;
  for (const Encoding& encoding : encodings) longest = std::max(longest, encoding.ids.size());
  for (Encoding& encoding : encodings) pad(encoding, padded_length(longest, *options.padding), *options.padding);
  return encodings;
}

std::vector<std::vector<int32_t>> Tokenizer::encode_batch(std::span<const std::string_view> texts,
                                                          const EncodeOptions& options, int n_threads) const {
  EncodeOptions unpadded = options;
  unpadded.padding.reset();
  std::vector<std::vector<int32_t>> lists(texts.size());
  for_each_text(texts.size(), n_threads, [&](size_t k) { lists[k] = encode(texts[k], unpadded); });
  if (!options.padding) return lists;
  size_t longest = 0;
  for (const std::vector<int32_t>& ids : lists) longest = std::max(longest, ids.size());
  const size_t length = padded_length(longest, *options.padding);
  for (std::vector<int32_t>& ids : lists) {
    const size_t n_missing = length > ids.size() ? length - ids.size() : 0;
    ids.insert(options.padding->side == Side::left ? ids.begin() : ids.end(), n_missing, options.padding->id);
  }
  return lists;
}

}  // namespace tidemill
