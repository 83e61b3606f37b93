#include "text/pipeline.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "text/encoding.h"
#include "text/open_text.h"
#include "text/pieces/token_table.h"
#include "text/scratch_pool.h"
#include "text/stages.h"
#include "text/text_cuts.h"
#include "text/unicode/repaired_text.h"
#include "text/unicode/utf8.h"
#include "text/words/open_words_text.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 30;
constexpr int32_t kMaxTokenId = (1 << 22) - 1;

// `buffer` cut at the ascending `ends`, of which the last is its size.
std::vector<std::string_view> cut_at(std::string_view buffer, const std::vector<size_t>& ends) {
  std::vector<std::string_view> parts;
  parts.reserve(ends.size());
  for (size_t k = 0; k < ends.size(); ++k) {
    const size_t begin = k == 0 ? 0 : ends[k - 1];
    parts.push_back(buffer.substr(begin, ends[k] - begin));
  }
  return parts;
}

// What is added around every single text.
struct Surroundings {
  std::vector<int32_t> before, after;
};

class Pipeline final : public Tokenizer, public OpensTexts {
 public:
  Pipeline(PipelineParts parts, const TokenizerOptions& options)
      : parts_(std::move(parts)),
        added_(std::move(parts_.added_tokens), parts_.normalizer.get()),
        stages_(added_, parts_.normalizer.get(), parts_.pre_tokenizer.get(), *parts_.model),
        scratches_(*parts_.model, options.cache_bytes, stages_.words_are_independent()) {
    index_added_tokens();
    if (parts_.post_processor) surroundings_ = find_surroundings();
    cuts_ = cuts_beside(parts_.cuts, added_);
  }

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options,
                              std::vector<TokenSpan>* spans) const override {
    if (spans || options.truncation || options.padding) {
      Encoding encoding = encode_full(text, options);
      if (spans) *spans = std::move(encoding.spans);
      return std::move(encoding.ids);
    }
    std::vector<int32_t> ids;
    encode_ids(text, options, *scratches_.lease(), ids);
    return ids;
  }

  void append_ids(std::string_view text, std::vector<int32_t>& ids, const EncodeOptions& options) const override {
    if (options.truncation || options.padding) return Tokenizer::append_ids(text, ids, options);
    encode_ids(text, options, *scratches_.lease(), ids);
  }

  size_t encode_into(std::string_view text, std::span<int32_t> ids, const EncodeOptions& options) const override {
    const auto copy = [&](const std::vector<int32_t>& all) {
      std::copy_n(all.begin(), std::min(all.size(), ids.size()), ids.begin());
      return all.size();
    };
    if (options.truncation || options.padding) return copy(encode_full(text, options).ids);
    const ScratchPool::Lease scratch = scratches_.lease();
    (*scratch).ids.clear();
    encode_ids(text, options, *scratch, (*scratch).ids);
    return copy((*scratch).ids);
  }

  Encoding encode_full(std::string_view text, const EncodeOptions& options) const override {
    return encode_texts(std::span(&text, 1), options);
  }

  Encoding encode_pair(std::string_view first, std::string_view second, const EncodeOptions& options) const override {
    return encode_texts(std::array{first, second}, options);
  }

  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens) const override {
    std::string text = parts_.decoder && parts_.decoder->joins_texts() ? join_texts(ids, skip_special_tokens)
                                                                       : decode_names(ids, skip_special_tokens);
    return parts_.clean_up_spaces ? tidemill::clean_up_spaces(std::move(text)) : text;
  }

  int32_t vocab_size() const override { return vocab_size_; }

  std::string_view token_bytes(int32_t id, bool skip_special_tokens) const override {
    check_id(id);
    return skip_special_tokens && is_special(id) ? std::string_view() : texts()[id];
  }

  std::string_view token_name(int32_t id) const override {
    check_id(id);
    return name(id);
  }

  int32_t token_id(std::string_view name) const override {
    for (const AddedToken& token : added_.tokens()) {
      if (token.content == name) return token.id;
    }
    return parts_.model->token_id(name);
  }

  bool is_special(int32_t id) const override {
    check_id(id);
    const int32_t index = added_index(id);
    return index >= 0 && added_.tokens()[static_cast<size_t>(index)].special;
  }

  std::span<const int32_t> stop_ids() const override { return parts_.stop_ids; }
  int32_t bos_id() const override { return parts_.bos; }
  std::optional<Truncation> truncation() const override { return parts_.truncation; }
  std::optional<Padding> padding() const override { return parts_.padding; }
  CacheStatistics cache_statistics() const override { return scratches_.cache_statistics(); }
  bool splits_at_word_ends() const override { return cuts_.word_ends; }
  std::vector<std::string_view> cut(std::string_view text, size_t n_parts) const override {
    return cut_text(cuts_, text, n_parts);
  }
  std::unique_ptr<OpenText> open(std::string_view text, size_t n_parts, SpecialText special_text) const override {
    check_length(text);
    // Otherwise the parts find out.
    if (added_.any(AddedTokens::Stage::original) && !is_utf8(text)) return nullptr;
    const WordNormalizer* const by_words = stages_.by_words(text, resolved(special_text));
    if (!by_words) return nullptr;
    return std::make_unique<OpenWordsText>(
        *parts_.model, *by_words, scratches_, text, n_parts, [this, text, special_text](std::vector<int32_t>& ids) {
          append_ids(text, ids, {.add_special_tokens = false, .special_text = special_text});
        });
  }

 private:
  // --- encoding ---

  static void check_length(std::string_view text) {
    if (text.size() < kMaxTextBytes) return;
    throw Error(ErrorCode::invalid_argument,
                "text: it is " + std::to_string(text.size()) + " bytes long; encode it in parts of less than 1 GiB");
  }

  SpecialText resolved(SpecialText special_text) const {
    return special_text == SpecialText::standard ? parts_.standard_special_text : special_text;
  }

  // Appends the ids of `text` with what belongs around it.
  void encode_ids(std::string_view text, const EncodeOptions& options, PipelineScratch& scratch,
                  std::vector<int32_t>& ids) const {
    if (options.add_special_tokens && parts_.post_processor && !surroundings_) {
      const Encoding encoding = encode_full(text, options);
      ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
      return;
    }
    check_length(text);
    const bool surround = options.add_special_tokens && surroundings_;
    if (surround) ids.insert(ids.end(), surroundings_->before.begin(), surroundings_->before.end());
    TextTokens tokens{ids};
    stages_.encode(RepairedText(text).text(), resolved(options.special_text), scratch, tokens);
    if (surround) ids.insert(ids.end(), surroundings_->after.begin(), surroundings_->after.end());
  }

  Encoding encode_one(std::string_view text, int32_t sequence, SpecialText special_text) const {
    check_length(text);
    const RepairedText repaired(text);
    Encoding encoding;
    TextTokens tokens{.ids = encoding.ids, .spans = &encoding.spans, .word_ids = &encoding.word_ids};
    stages_.encode(repaired.text(), special_text, *scratches_.lease(), tokens);
    for (TokenSpan& span : encoding.spans) span = repaired.original(span);
    encoding.type_ids.assign(encoding.ids.size(), sequence);
    encoding.sequence_ids.assign(encoding.ids.size(), sequence);
    encoding.special_tokens_mask.assign(encoding.ids.size(), 0);
    encoding.attention_mask.assign(encoding.ids.size(), 1);
    return encoding;
  }

  Encoding encode_texts(std::span<const std::string_view> texts, const EncodeOptions& options) const {
    std::vector<Encoding> encodings;
    for (size_t k = 0; k < texts.size(); ++k) {
      encodings.push_back(encode_one(texts[k], static_cast<int32_t>(k), resolved(options.special_text)));
    }
    if (options.truncation) truncate_texts(encodings, options);
    EncodingSource source{.texts = {texts[0], texts.back()}, .spelling = {}};
    source.spelling = [&](const Encoding& encoding, size_t token) { return spelling(encoding, token, source); };
    Encoding encoding =
        post_process(parts_.post_processor.get(), std::move(encodings), options.add_special_tokens, source);
    if (options.padding) pad(encoding, padded_length(encoding.ids.size(), *options.padding), *options.padding);
    return encoding;
  }

  void truncate_texts(std::vector<Encoding>& encodings, const EncodeOptions& options) const {
    Truncation truncation = *options.truncation;
    const bool pair = encodings.size() == 2;
    const size_t n_added =
        options.add_special_tokens && parts_.post_processor ? parts_.post_processor->n_added(pair) : 0;
    if (truncation.max_length < n_added) {
      throw Error(ErrorCode::invalid_argument, "truncation: " + std::to_string(truncation.max_length) +
                                                   " tokens have no room for the " + std::to_string(n_added) +
                                                   " special tokens that are added; allow more, or add none");
    }
    truncation.max_length -= n_added;
    truncate(encodings[0], pair ? &encodings[1] : nullptr, truncation);
  }

  std::string_view spelling(const Encoding& encoding, size_t token, const EncodingSource& source) const {
    if (added_index(encoding.ids[token]) < 0) return name(encoding.ids[token]);
    const TokenSpan span = encoding.spans[token];
    const std::string_view text = source.texts[static_cast<size_t>(encoding.sequence_ids[token])];
    return text.substr(static_cast<size_t>(span.begin), static_cast<size_t>(span.end - span.begin));
  }

  // What the post-processor puts around a text, if that is all it does to its ids.
  std::optional<Surroundings> find_surroundings() const {
    constexpr int32_t kMark = -1;
    Encoding mark;
    append(mark, {.id = kMark, .sequence_id = 0, .special = false});
    const EncodingSource source{.texts = {}, .spelling = [](const Encoding&, size_t) { return std::string_view(); }};
    const Encoding sample = post_process(parts_.post_processor.get(), {std::move(mark)}, true, source);
    const auto at = std::find(sample.ids.begin(), sample.ids.end(), kMark);
    if (at == sample.ids.end() || std::find(at + 1, sample.ids.end(), kMark) != sample.ids.end()) return {};
    return Surroundings{{sample.ids.begin(), at}, {at + 1, sample.ids.end()}};
  }

  // --- decoding ---

  std::string decode_names(std::span<const int32_t> ids, bool skip_special_tokens) const {
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (const int32_t id : ids) {
      check_id(id);
      if ((skip_special_tokens && is_skipped(id)) || name(id).empty()) continue;
      tokens.emplace_back(name(id));
    }
    if (parts_.decoder) parts_.decoder->apply(tokens);
    std::string text;
    for (size_t k = 0; k < tokens.size(); ++k) {
      if (k > 0 && !parts_.decoder) text += ' ';
      text += tokens[k];
    }
    return text;
  }

  std::string join_texts(std::span<const int32_t> ids, bool skip_special_tokens) const {
    const TokenStrings& all = texts();
    std::string bytes;
    for (const int32_t id : ids) {
      check_id(id);
      if (!skip_special_tokens || !is_skipped(id)) bytes += all[id];
    }
    return is_utf8(bytes) ? bytes : replace_invalid_utf8(bytes);
  }

  // As in Hugging Face's, a special token whose spelling the normalizer changes is not left out.
  bool is_skipped(int32_t id) const {
    const int32_t index = added_index(id);
    return index >= 0 && skipped_[static_cast<size_t>(index)];
  }

  // What each token stands for, made when it is first needed: encoding does without it.
  const TokenStrings& texts() const {
    std::call_once(texts_made_, [this] {
      std::string buffer;
      std::vector<size_t> ends;
      for (int32_t id = 0; id < vocab_size_; ++id) {
        const std::string_view token = name(id);
        if (!token.empty()) buffer += parts_.decoder ? parts_.decoder->text_of(token) : std::string(token);
        ends.push_back(buffer.size());
      }
      texts_ = TokenStrings(cut_at(buffer, ends));
    });
    return texts_;
  }

  // --- vocabulary ---

  void check_id(int32_t id) const {
    if (id >= 0 && id < vocab_size_) return;
    throw Error(ErrorCode::invalid_argument,
                "token id " + std::to_string(id) + ": the vocabulary has ids 0 to " + std::to_string(vocab_size_ - 1));
  }

  std::string_view name(int32_t id) const {
    const int32_t index = added_index(id);
    if (index >= 0) return added_.spelling(static_cast<size_t>(index));
    return id < parts_.model->vocab_size() ? parts_.model->token_name(id) : std::string_view();
  }

  int32_t added_index(int32_t id) const {
    const auto found = std::lower_bound(by_id_.begin(), by_id_.end(), id, [this](uint32_t index, int32_t wanted) {
      return added_.tokens()[index].id < wanted;
    });
    return found != by_id_.end() && added_.tokens()[*found].id == id ? static_cast<int32_t>(*found) : -1;
  }

  void index_added_tokens() {
    const std::vector<AddedToken>& tokens = added_.tokens();
    vocab_size_ = parts_.model->vocab_size();
    std::vector<std::string_view> special_contents;
    for (size_t k = 0; k < tokens.size(); ++k) {
      by_id_.push_back(static_cast<uint32_t>(k));
      vocab_size_ = std::max(vocab_size_, tokens[k].id + 1);
      if (tokens[k].special) special_contents.push_back(tokens[k].content);
    }
    std::sort(special_contents.begin(), special_contents.end());
    for (size_t k = 0; k < tokens.size(); ++k) {
      skipped_.push_back(std::binary_search(special_contents.begin(), special_contents.end(), added_.spelling(k)));
    }
    // Of tokens that share an id, the last counts.
    std::stable_sort(by_id_.begin(), by_id_.end(), [&](uint32_t a, uint32_t b) { return tokens[a].id < tokens[b].id; });
    const auto last = std::unique(by_id_.rbegin(), by_id_.rend(),
                                  [&](uint32_t a, uint32_t b) { return tokens[a].id == tokens[b].id; });
    by_id_.erase(by_id_.begin(), last.base());
  }

  PipelineParts parts_;
  AddedTokens added_;
  Stages stages_;
  std::vector<uint32_t> by_id_;   // indices of added tokens
  std::vector<uint8_t> skipped_;  // per added token: left out of decoded text
  int32_t vocab_size_ = 0;
  std::optional<Surroundings> surroundings_;
  TextCuts cuts_;
  mutable ScratchPool scratches_;
  mutable std::once_flag texts_made_;
  mutable TokenStrings texts_;
};

}  // namespace

std::shared_ptr<const Tokenizer> make_pipeline(PipelineParts parts, const TokenizerOptions& options) {
  for (const AddedToken& token : parts.added_tokens) {
    if (token.id >= 0 && token.id <= kMaxTokenId) continue;
    throw Error(ErrorCode::bad_file, "added token '" + token.content + "' has the id " + std::to_string(token.id) +
                                         "; ids are 0 to " + std::to_string(kMaxTokenId));
  }
  return std::make_shared<Pipeline>(std::move(parts), options);
}

}  // namespace tidemill
