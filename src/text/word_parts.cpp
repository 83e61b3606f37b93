#include "text/word_parts.h"

#include <algorithm>

namespace tidemill {

AddedAround added_around(const Tokenizer& tokenizer) {
  AddedAround added;
  const Encoding sample = tokenizer.encode_full("a");
  std::vector<int32_t>* side = &added.before;
  for (size_t k = 0; k < sample.ids.size(); ++k) {
    if (sample.sequence_ids[k] < 0) {
      side->push_back(sample.ids[k]);
    } else {
      side = &added.after;
    }
  }
  return added;
}

std::vector<std::string_view> Tokenizer::cut(std::string_view text, size_t n_parts) const {
  std::vector<std::string_view> parts;
  const size_t n_wanted = splits_at_word_ends() ? n_parts : 1;
  size_t begin = 0;
  for (size_t k = 1; k <= n_wanted && (begin < text.size() || k == 1); ++k) {
    size_t end = k < n_wanted ? std::max(begin + 1, text.size() / n_wanted * k) : text.size();
    while (end < text.size() && !is_word_end(text, end)) ++end;
    parts.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return parts;
}

}  // namespace tidemill
