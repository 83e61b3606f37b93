#include "text/words/open_words_text.h"

#include <algorithm>
#include <utility>

#include "text/normalizer.h"
#include "text/reserved_ids.h"
#include "text/unicode/utf8.h"

namespace tidemill {

OpenWordsText::OpenWordsText(const PieceModel& model, const WordNormalizer& normalizer, ScratchPool& scratches,
                             std::string_view text, size_t n_parts,
                             std::function<void(std::vector<int32_t>&)> append_whole)
    : model_(model),
      normalizer_(normalizer),
      scratches_(scratches),
      text_(text),
      append_whole_(std::move(append_whole)) {
  for (size_t begin = 0, k = 1; k <= n_parts; ++k) {
    const size_t wanted = std::max(begin, text.size() / n_parts * k);
    const size_t end = k == n_parts ? text.size() : std::min(text.find_first_of(kWordSpaces, wanted), text.size());
    if (end == begin) continue;
    parts_.push_back({text.substr(begin, end - begin), nullptr});
    begin = end;
  }
}

void OpenWordsText::encode(size_t part) {
  if (!stands_alone_) return;
  if (is_utf8(parts_[part].text)) {
    const ScratchPool::Lease scratch = scratches_.lease();
    parts_[part].words = model_.open_words(parts_[part].text, normalizer_, *(*scratch).model);
  }
  if (!parts_[part].words) stands_alone_ = false;
}

void OpenWordsText::append(size_t part, std::vector<int32_t>& ids) {
  if (part == 0) n_before_ = ids.size();
  if (stands_alone_) {
    const ScratchPool::Lease scratch = scratches_.lease();
    if (!model_.close_words(*parts_[part].words, normalizer_, *(*scratch).model, sum_, ids)) stands_alone_ = false;
    const auto n_done = static_cast<double>(parts_[part].text.data() + parts_[part].text.size() - text_.data());
    reserve_for_rest(ids, n_before_, static_cast<double>(text_.size()) / n_done);
  }
  parts_[part].words.reset();
  if (part + 1 < parts_.size() || stands_alone_) return;
  ids.resize(n_before_);
  append_whole_(ids);
}

}  // namespace tidemill
