#include "tidemill/encoding_cache.h"

#include <algorithm>
#include <type_traits>

namespace tidemill {
namespace {

// The options' values one after the other: equal ones for equal options.
void append_options(std::string& key, const EncodeOptions& options) {
  const auto append = [&](auto value) {
    static_assert(std::is_trivially_copyable_v<decltype(value)>);
    key.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  append(static_cast<uint8_t>((options.add_special_tokens ? 1 : 0) | (options.truncation ? 2 : 0) |
                              (options.padding ? 4 : 0) | static_cast<int>(options.special_text) << 3));
  if (const auto& truncation = options.truncation) {
    append(truncation->max_length);
    append(truncation->stride);
    append(truncation->strategy);
    append(truncation->side);
  }
  if (const auto& padding = options.padding) {
    append(padding->length.value_or(0));
    append(padding->length.has_value());
    append(padding->multiple_of);
    append(padding->side);
    append(padding->id);
    append(padding->type_id);
  }
}

std::string key_of(std::string_view text, const EncodeOptions& options) {
  std::string key;
  key.reserve(text.size() + 64);
  append_options(key, options);
  key += text;
  return key;
}

size_t size_of(const std::string& key, const std::vector<int32_t>& ids) {
  return key.size() + ids.size() * sizeof(int32_t);
}

EncodingCache::Ids shared(std::vector<int32_t> ids) {
  return std::make_shared<const std::vector<int32_t>>(std::move(ids));
}

}  // namespace

EncodingCache::EncodingCache(std::shared_ptr<const Tokenizer> tokenizer, const CacheOptions& options)
    : tokenizer_(std::move(tokenizer)), encodings_(options) {}

EncodingCache::Ids EncodingCache::encode(std::string_view text, const EncodeOptions& options) {
  if (text.size() > kMostTextBytes) return shared(tokenizer_->encode(text, options));
  const std::string key = key_of(text, options);
  if (auto known = encodings_.get(key)) return *std::move(known);
  Ids ids = shared(tokenizer_->encode(text, options));
  encodings_.put(key, ids, size_of(key, *ids));
  return ids;
}

std::vector<EncodingCache::Ids> EncodingCache::encode_batch(std::span<const std::string_view> texts,
                                                            const EncodeOptions& options, int n_threads) {
  const bool is_kept = !options.padding || options.padding->length;
  std::vector<Ids> found(texts.size());
  std::vector<std::string> keys(texts.size());  // of what is new and is to be kept
  std::vector<std::string_view> new_texts;
  std::vector<size_t> places;
  for (size_t k = 0; k < texts.size(); ++k) {
    if (is_kept && texts[k].size() <= kMostTextBytes) {
      keys[k] = key_of(texts[k], options);
      if (auto known = encodings_.get(keys[k])) {
        found[k] = *std::move(known);
        continue;
      }
    }
    new_texts.push_back(texts[k]);
    places.push_back(k);
  }
  if (new_texts.empty()) return found;
  std::vector<std::vector<int32_t>> encoded = tokenizer_->encode_batch(new_texts, options, n_threads);
  for (size_t index = 0; index < places.size(); ++index) {
    const std::string& key = keys[places[index]];
    Ids& ids = found[places[index]];
    ids = shared(std::move(encoded[index]));
    if (!key.empty()) encodings_.put(key, ids, size_of(key, *ids));
  }
  return found;
}

}  // namespace tidemill
