// Many texts at once: the only place where encoding uses threads.

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "sys/thread_pool.h"
#include "text/encoding.h"
#include "text/open_text.h"
#include "text/reserved_ids.h"
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
  std::string_view bytes;  // where it is encoded by itself
  OpenText* open;          // otherwise
  size_t index;            // there
};

// The parts of all texts; long ones are cut so that all threads have work until the end, and what a part becomes stays
// in the second-level cache until it is appended.
class TextParts {
 public:
  // What is given outlives this.
  TextParts(const Tokenizer& tokenizer, std::span<const std::string_view> texts, const EncodeOptions& options,
            int n_threads)
      : tokenizer_(tokenizer),
        opens_(dynamic_cast<const OpensTexts*>(&tokenizer)),
        special_text_(options.special_text) {
    constexpr size_t kPartBytes = size_t{64} << 10;
    constexpr size_t kTooLong = size_t{1} << 30;
    for (size_t k = 0; k < texts.size(); ++k) {
      // What is too long for `encode` stays so.
      const bool whole = n_threads == 1 || options.truncation || texts[k].size() >= kTooLong;
      add(k, texts[k], whole ? 1 : std::max<size_t>(texts[k].size() / kPartBytes, 1));
    }
  }

  size_t size() const { return parts_.size(); }
  const TextPart& operator[](size_t part) const { return parts_[part]; }

 private:
  void add(size_t number, std::string_view text, size_t n_parts) {
    const std::vector<std::string_view> cut = tokenizer_.cut(text, n_parts);
    std::unique_ptr<OpenText> open =
        opens_ && n_parts > 1 && cut.size() == 1 ? opens_->open(text, n_parts, special_text_) : nullptr;
    if (open) {
      for (size_t k = 0; k < open->n_parts(); ++k) parts_.push_back({number, {}, open.get(), k});
      opened_.push_back(std::move(open));
    } else {
      for (const std::string_view part : cut) parts_.push_back({number, part, nullptr, 0});
    }
  }

  const Tokenizer& tokenizer_;
  const OpensTexts* const opens_;  // null: it does not
  const SpecialText special_text_;
  std::vector<std::unique_ptr<OpenText>> opened_;
  std::vector<TextPart> parts_;
};

// The ids of parts, which several threads make in any order, one behind the other: whoever finishes a part appends all
// that can be, while the others go on.
class PartsInOrder {
 public:
  // `parts` outlive this.
  PartsInOrder(const TextParts& parts, std::span<const std::string_view> texts, AddedAround around)
      : parts_(parts), texts_(texts), around_(std::move(around)), finished_(parts.size()), lists_(texts.size()) {}

  bool is_whole(size_t part) const { return is_first(part) && is_last(part); }

  // An empty list that may have memory already.
  std::vector<int32_t> empty_list() {
    const std::lock_guard lock(mutex_);
    if (empty_.empty()) return {};
    std::vector<int32_t> list = std::move(empty_.back());
    empty_.pop_back();
    return list;
  }

  void finish(size_t part, std::vector<int32_t> ids) {
    std::unique_lock lock(mutex_);
    finished_[part] = std::move(ids);
    if (is_appending_) return;
    is_appending_ = true;
    for (; next_ < parts_.size() && finished_[next_]; ++next_) {
      lock.unlock();
      append(next_, *finished_[next_]);
      lock.lock();
      finished_[next_]->clear();
      empty_.push_back(std::move(*finished_[next_]));
    }
    is_appending_ = false;
  }

  // Once all are finished.
  std::vector<std::vector<int32_t>> take() { return std::move(lists_); }

 private:
  bool is_first(size_t part) const { return part == 0 || parts_[part - 1].text != parts_[part].text; }
  bool is_last(size_t part) const { return part + 1 == parts_.size() || parts_[part + 1].text != parts_[part].text; }

  void append(size_t part, std::vector<int32_t>& ids) {
    const TextPart& its = parts_[part];
    std::vector<int32_t>& list = lists_[its.text];
    if (is_whole(part) && !its.open) return list.swap(ids);
    if (is_first(part)) n_bytes_ = 0;
    n_bytes_ += its.bytes.size();
    if (!its.open) {
      const double rest = static_cast<double>(texts_[its.text].size()) / static_cast<double>(n_bytes_);
      make_room(list, around_.before.size() + ids.size() + around_.after.size(),
                static_cast<double>(list.size() + ids.size()) * rest);
    }
    if (is_first(part)) list.insert(list.end(), around_.before.begin(), around_.before.end());
    if (its.open) {
      its.open->append(its.index, list);
    } else {
      list.insert(list.end(), ids.begin(), ids.end());
    }
    if (is_last(part)) list.insert(list.end(), around_.after.begin(), around_.after.end());
  }

  const TextParts& parts_;
  const std::span<const std::string_view> texts_;
  const AddedAround around_;
  std::mutex mutex_;
  std::vector<std::optional<std::vector<int32_t>>> finished_;  // per part: its ids, until they are appended
  std::vector<std::vector<int32_t>> empty_;
  bool is_appending_ = false;
  // Of who is appending.
  size_t next_ = 0;     // part
  size_t n_bytes_ = 0;  // of the parts of its text
  std::vector<std::vector<int32_t>> lists_;
};

std::vector<std::vector<int32_t>> encode_parts(const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                                               const EncodeOptions& options, int n_threads) {
  const TextParts parts(tokenizer, texts, options, n_threads);
  const bool needs_around = parts.size() > texts.size() && options.add_special_tokens;
  PartsInOrder in_order(parts, texts, needs_around ? added_around(tokenizer) : AddedAround());
  for_each_text(parts.size(), n_threads, [&](size_t k) {
    if (parts[k].open) {
      parts[k].open->encode(parts[k].index);
      return in_order.finish(k, {});
    }
    EncodeOptions part_options = options;
    part_options.add_special_tokens = options.add_special_tokens && in_order.is_whole(k);
    std::vector<int32_t> ids = in_order.empty_list();
    tokenizer.append_ids(parts[k].bytes, ids, part_options);
    in_order.finish(k, std::move(ids));
  });
  return in_order.take();
}

}  // namespace

void Tokenizer::append_ids(std::string_view text, std::vector<int32_t>& ids, const EncodeOptions& options) const {
  const std::vector<int32_t> more = encode(text, options);
  ids.insert(ids.end(), more.begin(), more.end());
}

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
