#include "models/weight_place.h"

#include <utility>
#include <vector>

namespace tidemill {
namespace {

constexpr std::string_view kSuffixes[] = {".weight", ".bias"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The numbers that stand for each '*' of `pattern` in `name`; nothing when they do not match.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view name) {
  std::vector<std::string> numbers;
  size_t at = 0;
  for (const char c : pattern) {
    if (c != '*') {
      if (at == name.size() || name[at] != c) return {};
      ++at;
      continue;
    }
    const size_t begin = at;
    while (at < name.size() && is_digit(name[at])) ++at;
    if (at == begin) return {};
    numbers.emplace_back(name.substr(begin, at - begin));
  }
  if (at != name.size()) return {};
  return numbers;
}

// `pattern` with each '*' replaced by the next number, and how many it took.
std::pair<std::string, size_t> fill(std::string_view pattern, const std::vector<std::string>& numbers) {
  std::string name;
  size_t next = 0;
  for (const char c : pattern) {
    if (c == '*')
      name += numbers[next++];
    else
      name += c;
  }
  return {name, next};
}

}  // namespace

WeightPlace place_of_weight(std::span<const WeightName> names, const std::string& ours) {
  for (const std::string_view suffix : {std::string_view(), kSuffixes[0], kSuffixes[1]}) {
    if (!ours.ends_with(suffix)) continue;
    const std::string_view stem = std::string_view(ours).substr(0, ours.size() - suffix.size());
    for (const WeightName& row : names) {
      const auto numbers = match(row.ours, stem);
      if (!numbers) continue;
      auto [name, n_used] = fill(row.theirs, *numbers);
      WeightPlace place{.name = name + std::string(suffix), .part = row.part, .change = row.change, .range = row.range};
      if (n_used < numbers->size()) place.expert = std::stoll(numbers->back());
      return place;
    }
  }
  return {.name = ours};
}

RowPattern row_pattern(const WeightPlace& place, int64_t n, const HeadCounts& heads) {
  const int64_t width = heads.head_dim;
  const int64_t d_q = heads.n_heads * width, d_kv = heads.n_kv_heads * width;
  switch (place.part) {
    case Part::whole:
      return {.total = n};
    case Part::query:
      return {.begin = 0, .total = d_q + 2 * d_kv};
    case Part::key:
      return {.begin = d_q, .total = d_q + 2 * d_kv};
    case Part::value:
      return {.begin = d_q + d_kv, .total = d_q + 2 * d_kv};
    case Part::query_of_head:
      return {.begin = 0, .group = width, .period = 3 * width, .total = 3 * d_q};
    case Part::key_of_head:
      return {.begin = width, .group = width, .period = 3 * width, .total = 3 * d_q};
    case Part::value_of_head:
      return {.begin = 2 * width, .group = width, .period = 3 * width, .total = 3 * d_q};
    case Part::first_half:
      return {.begin = 0, .total = 2 * n};
    case Part::second_half:
      return {.begin = n, .total = 2 * n};
    case Part::even_rows:
      return {.begin = 0, .group = 1, .period = 2, .total = 2 * n};
    case Part::odd_rows:
      return {.begin = 1, .group = 1, .period = 2, .total = 2 * n};
    case Part::range:
      return {.begin = place.range.begin,
              .group = place.range.group,
              .period = place.range.period,
              .total = place.range.total};
  }
  return {};
}

}  // namespace tidemill
