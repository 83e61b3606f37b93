// Many texts at once: the only place where encoding uses threads.

#include <algorithm>
#include <optional>
#include <utility>

#include "sys/huge_pages.h"
#include "sys/thread_pool.h"
#include "text/encoding.h"
#include "text/word_parts.h"
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

// A part of a text that may be all of it.
struct TextPart {
  size_t text;
  std::string_view bytes;
  std::vector<int32_t> ids;
};

// The parts of all texts; long ones are cut so that all threads have work until the end.
std::vector<TextPart> parts_of(const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                               const EncodeOptions& options, int n_threads) {
  constexpr size_t kShortestPart = size_t{128} << 10;
  constexpr size_t kPartsPerThread = 4;
  constexpr size_t kTooLong = size_t{1} << 30;
  const size_t most = n_threads > 1 && !options.truncation ? kPartsPerThread * static_cast<size_t>(n_threads) : 1;
  std::vector<TextPart> parts;
  for (size_t k = 0; k < texts.size(); ++k) {
    // What is too long for `encode` stays so.
    const size_t n_shortest = texts[k].size() < kTooLong ? texts[k].size() / kShortestPart : 1;
    const size_t n_parts = std::clamp<size_t>(n_shortest, 1, most);
    for (const std::string_view part : tokenizer.cut(texts[k], n_parts)) parts.push_back({k, part, {}});
  }
  return parts;
}

// Each text's ids, from those of its parts.
std::vector<std::vector<int32_t>> joined(const Tokenizer& tokenizer, std::vector<TextPart> parts, size_t n_texts,
                                         bool add_special_tokens) {
  std::vector<std::vector<int32_t>> lists(n_texts);
  std::optional<AddedAround> added;
  for (size_t first = 0, end; first < parts.size(); first = end) {
    size_t n_ids = 0;
    for (end = first; end < parts.size() && parts[end].text == parts[first].text; ++end) n_ids += parts[end].ids.size();
    std::vector<int32_t>& list = lists[parts[first].text];
    list = std::move(parts[first].ids);
    if (end == first + 1) continue;
    if (add_special_tokens && !added) added = added_around(tokenizer);
    const AddedAround around = added.value_or(AddedAround());
    list.reserve(n_ids + around.before.size() + around.after.size());
    advise_huge_pages(list.data(), list.capacity() * sizeof(int32_t));
    list.insert(list.begin(), around.before.begin(), around.before.end());
    for (size_t k = first + 1; k < end; ++k) list.insert(list.end(), parts[k].ids.begin(), parts[k].ids.end());
    list.insert(list.end(), around.after.begin(), around.after.end());
  }
  return lists;
}

std::vector<std::vector<int32_t>> encode_parts(const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                                               const EncodeOptions& options, int n_threads) {
  std::vector<TextPart> parts = parts_of(tokenizer, texts, options, n_threads);
  for_each_text(parts.size(), n_threads, [&](size_t k) {
    EncodeOptions part_options = options;
    const bool alone =
        (k == 0 || parts[k - 1].text != parts[k].text) && (k + 1 == parts.size() || parts[k + 1].text != parts[k].text);
    part_options.add_special_tokens = options.add_special_tokens && alone;
    parts[k].ids = tokenizer.encode(parts[k].bytes, part_options);
  });
  return joined(tokenizer, std::move(parts), texts.size(), options.add_special_tokens);
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
  std::vector<std::vector<int32_t>> lists = encode_parts(*this, texts, unpadded, n_threads);
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
