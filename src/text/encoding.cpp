#include "text/encoding.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tidemill/error.h"

namespace tidemill {
namespace {

// Calls `edit` with each pair of lists of the two encodings.
template <typename Edit>
void for_each_list(Encoding& encoding, const Encoding& other, Edit&& edit) {
  edit(encoding.ids, other.ids);
  edit(encoding.spans, other.spans);
  edit(encoding.word_ids, other.word_ids);
  edit(encoding.type_ids, other.type_ids);
  edit(encoding.sequence_ids, other.sequence_ids);
  edit(encoding.special_tokens_mask, other.special_tokens_mask);
  edit(encoding.attention_mask, other.attention_mask);
}

Encoding part_of(const Encoding& encoding, size_t begin, size_t end) {
  Encoding part;
  for_each_list(part, encoding, [&](auto& list, const auto& all) {
    list.assign(all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(end));
  });
  return part;
}

// The parts that a text of `n_tokens` falls into, the one that is kept first.
std::vector<std::pair<size_t, size_t>> part_ranges(size_t n_tokens, size_t max_length, size_t step, Side side) {
  std::vector<std::pair<size_t, size_t>> ranges;
  if (side == Side::right) {
    for (size_t begin = 0; begin < n_tokens; begin += step) {
      ranges.emplace_back(begin, std::min(begin + max_length, n_tokens));
      if (ranges.back().second == n_tokens) break;
    }
  } else {
    for (size_t end = n_tokens; end > 0; end = end > step ? end - step : 0) {
      ranges.emplace_back(end > max_length ? end - max_length : 0, end);
      if (ranges.back().first == 0) break;
    }
  }
  return ranges;
}

// How many tokens of each text of a pair remain when the longer one is cut first.
std::pair<size_t, size_t> longest_first(size_t n_first, size_t n_second, size_t max_length) {
  size_t shorter = std::min(n_first, n_second);
  size_t longer = shorter > max_length ? shorter : std::max(shorter, max_length - shorter);
  if (shorter + longer > max_length) {
    shorter = max_length / 2;
    longer = shorter + max_length % 2;
  }
  return n_first > n_second ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

}  // namespace

void append(Encoding& encoding, const EncodingToken& token) {
  encoding.ids.push_back(token.id);
  encoding.spans.push_back(token.span);
  encoding.word_ids.push_back(token.word_id);
  encoding.type_ids.push_back(token.type_id);
  encoding.sequence_ids.push_back(token.sequence_id);
  encoding.special_tokens_mask.push_back(token.special ? 1 : 0);
  encoding.attention_mask.push_back(token.attended ? 1 : 0);
}

void append(Encoding& encoding, const Encoding& other) {
  std::vector<Encoding> overflowing;
  const auto combine = [&](const Encoding& left, const Encoding& right) {
    append(overflowing.emplace_back(left), right);
  };
  for (const Encoding& part : encoding.overflowing) {
    combine(part, other);
    for (const Encoding& other_part : other.overflowing) combine(part, other_part);
  }
  for (const Encoding& other_part : other.overflowing) combine(encoding, other_part);
  for_each_list(encoding, other,
                [](auto& list, const auto& more) { list.insert(list.end(), more.begin(), more.end()); });
  encoding.overflowing = std::move(overflowing);
}

void truncate(Encoding& encoding, size_t max_length, size_t stride, Side side) {
  const size_t n_tokens = encoding.ids.size();
  if (max_length >= n_tokens) return;
  if (max_length == 0) {
    Encoding empty;
    empty.overflowing.push_back(std::move(encoding));
    encoding = std::move(empty);
    return;
  }
  if (stride >= max_length) {
    throw Error(ErrorCode::invalid_argument, "truncation: a stride of " + std::to_string(stride) +
                                                 " leaves nothing new of the " + std::to_string(max_length) +
                                                 " tokens that a part of the text has; use a smaller stride");
  }
  const auto ranges = part_ranges(n_tokens, max_length, max_length - stride, side);
  Encoding kept = part_of(encoding, ranges[0].first, ranges[0].second);
  for (size_t k = 1; k < ranges.size(); ++k) {
    kept.overflowing.push_back(part_of(encoding, ranges[k].first, ranges[k].second));
  }
  encoding = std::move(kept);
}

void truncate(Encoding& first, Encoding* second, const Truncation& truncation) {
  const size_t n_first = first.ids.size();
  const size_t n_second = second ? second->ids.size() : 0;
  const size_t max_length = truncation.max_length;
  if (n_first + n_second <= max_length) return;
  const auto cut = [&](Encoding& encoding, size_t length) {
    truncate(encoding, length, truncation.stride, truncation.side);
  };
  if (max_length == 0) {
    cut(first, 0);
    if (second) cut(*second, 0);
    return;
  }
  if (truncation.strategy == Truncation::Strategy::longest_first) {
    const auto [keep_first, keep_second] =
        second ? longest_first(n_first, n_second, max_length) : std::pair(max_length, size_t{0});
    cut(first, keep_first);
    if (second) cut(*second, keep_second);
    return;
  }
  const bool cut_first = truncation.strategy == Truncation::Strategy::only_first;
  if (!cut_first && !second) {
    throw Error(ErrorCode::invalid_argument, "truncation: only the second text may be cut, but there is only one text");
  }
  Encoding& target = cut_first ? first : *second;
  const size_t n_remove = n_first + n_second - max_length;
  if (target.ids.size() <= n_remove) {
    throw Error(ErrorCode::invalid_argument, "truncation: cutting the " + std::string(cut_first ? "first" : "second") +
                                                 " text alone cannot bring the pair to " + std::to_string(max_length) +
                                                 " tokens; choose another strategy");
  }
  cut(target, target.ids.size() - n_remove);
}

size_t padded_length(size_t longest, const Padding& padding) {
  const size_t length = padding.length.value_or(longest);
  const size_t rest = padding.multiple_of > 0 ? length % padding.multiple_of : 0;
  return rest > 0 ? length + padding.multiple_of - rest : length;
}

void pad(Encoding& encoding, size_t length, const Padding& padding) {
  for (Encoding& part : encoding.overflowing) pad(part, length, padding);
  if (encoding.ids.size() >= length) return;
  Encoding fill;
  const EncodingToken token{.id = padding.id, .type_id = padding.type_id, .attended = false};
  for (size_t n = encoding.ids.size(); n < length; ++n) append(fill, token);
  for_each_list(encoding, fill, [&](auto& list, const auto& more) {
    list.insert(padding.side == Side::left ? list.begin() : list.end(), more.begin(), more.end());
  });
}

}  // namespace tidemill
