// Tokenizer: text <-> token ids, exactly as the model's own tokenizer does it.  Usable alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/cache_statistics.h"

namespace tidemill {

// What becomes of text that spells a special token, such as "<|endoftext|>".
enum class SpecialText : uint8_t {
  standard,  // what the library does that the file is made for: tiktoken's encodings as_text, all others parse
  parse,     // it becomes that token
  as_text,   // it is text like any other
  forbid,    // the call throws invalid_argument, naming the token
};

enum class Side : uint8_t { left, right };

// How a text that is too long is cut.  The parts that are cut off follow in Encoding::overflowing.
struct Truncation {
  enum class Strategy : uint8_t {
    longest_first,  // of a pair, the longer text first, then both alike
    only_first,
    only_second,
  };
  size_t max_length = 512;  // tokens, including those that are added around the texts
  size_t stride = 0;        // how many tokens each part shares with the one before it; less than what a part can hold
  Strategy strategy = Strategy::longest_first;
  Side side = Side::right;  // where tokens are cut off
};

struct Padding {
  std::optional<size_t> length = {};  // tokens; without it the longest of the batch
  size_t multiple_of = 0;             // the length is rounded up to a multiple of this; 0: as it is
  Side side = Side::right;            // where padding goes
  int32_t id = 0;
  int32_t type_id = 0;
};

struct EncodeOptions {
  bool add_special_tokens = true;  // what the model wants around a text, e.g. <bos>
  SpecialText special_text = SpecialText::standard;
  std::optional<Truncation> truncation = {};
  std::optional<Padding> padding = {};
};

// Where a token's text lies in the input, in bytes: [begin, end).
struct TokenSpan {
  int64_t begin = 0;
  int64_t end = 0;

  bool operator==(const TokenSpan&) const = default;
};

// Everything about an encoded text or pair of texts; the lists have one entry per token.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<TokenSpan> spans;              // in the text of sequence_ids; empty for tokens that were added
  std::vector<int32_t> word_ids;             // number of the word in its text, from 0; -1 for tokens that were added
  std::vector<int32_t> type_ids;             // of the text in a pair, as the model wants it
  std::vector<int32_t> sequence_ids;         // 0: first text, 1: second text, -1: added
  std::vector<uint8_t> special_tokens_mask;  // 1 for tokens that were added
  std::vector<uint8_t> attention_mask;       // 0 for padding
  // What truncation cut off, in parts of the same form; those of a pair have parts themselves, as in Hugging Face's.
  std::vector<Encoding> overflowing;
};

struct TokenizerOptions {
  // Limit on the memory of all caches of pieces together; 0 turns them off.
  size_t cache_bytes = size_t{32} << 20;
};

// Immutable after loading, save for caches that no result depends on; all functions may be called from any number of
// threads at once.  Functions that encode throw invalid_argument for a text of 1 GiB or more.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Loads a tokenizer: a model file (GGUF), tokenizer.json, SentencePiece .model, tiktoken ranks, a vocabulary
  // (vocab.txt, vocab.json beside merges.txt, RWKV's), or a folder with any of these; docs/tokenizers.md says how each
  // is recognised.  Where there is no such file, the name "bytes" is a tokenizer whose ids are bytes, and "characters"
  // one whose ids are code points.  Throws not_found, bad_file or unsupported, naming the file and field.
  static std::shared_ptr<const Tokenizer> from_file(const std::string& path, const TokenizerOptions& options = {});

  // Token ids of `text`.  Bytes that are not UTF-8 are replaced by U+FFFD, one for each maximal subpart, as the
  // reference implementations do.  `spans`, when given, receives one span per id; tokens that the tokenizer adds have
  // empty spans.  Throws invalid_argument for forbidden special tokens and for a truncation that leaves no room.
  virtual std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {},
                                      std::vector<TokenSpan>* spans = nullptr) const = 0;
  // Appends the same ids to `ids`, whose memory can thus be used again.
  virtual void append_ids(std::string_view text, std::vector<int32_t>& ids, const EncodeOptions& options = {}) const;
  // The same ids written to `ids` as far as they fit; returns how many there are.  Allocates nothing once warm.
  virtual size_t encode_into(std::string_view text, std::span<int32_t> ids,
                             const EncodeOptions& options = {}) const = 0;
  // How many ids `encode` gives.
  size_t count(std::string_view text, const EncodeOptions& options = {}) const {
    return encode_into(text, {}, options);
  }

  // A text with all that is known about its tokens, or a pair of texts encoded together.
  virtual Encoding encode_full(std::string_view text, const EncodeOptions& options = {}) const = 0;
  virtual Encoding encode_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options = {}) const = 0;

  // `text` in at most `n_parts` parts, above 0, of about equal size, whose ids one after the other are those of the
  // text but for what is added around it; in one part where the tokenizer has no certain place to cut, or the text
  // none.  A space between two parts may belong to neither, where the tokenizer itself puts one before each text.
  virtual std::vector<std::string_view> cut(std::string_view text, size_t n_parts) const;

  // Many texts on `n_threads` threads, of which the caller's is one; results are in the order of `texts`.  Long texts
  // are cut, so that one is work for several threads, too.  Padding without a length goes to the longest.  Throws what
  // `encode` throws, and what ThreadPool does for `n_threads`.
  std::vector<std::vector<int32_t>> encode_batch(std::span<const std::string_view> texts,
                                                 const EncodeOptions& options = {}, int n_threads = 1) const;
  std::vector<Encoding> encode_full_batch(std::span<const std::string_view> texts, const EncodeOptions& options = {},
                                          int n_threads = 1) const;

  // Text of `ids`; byte sequences that are not UTF-8 become U+FFFD.  Throws invalid_argument for an id out of range.
  virtual std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const = 0;

  virtual int32_t vocab_size() const = 0;
  // The bytes that one id stands for inside a text (" the", or one raw byte); empty for special tokens when
  // `skip_special_tokens`.  Throws invalid_argument for an id out of range.
  virtual std::string_view token_bytes(int32_t id, bool skip_special_tokens = true) const = 0;
  // The same for ids of a model, whose embedding may have rows that no token belongs to: nothing for those.
  std::string_view token_bytes_if_any(int32_t id, bool skip_special_tokens = true) const {
    return id < vocab_size() ? token_bytes(id, skip_special_tokens) : std::string_view();
  }
  // The token as the vocabulary spells it ("\u2581the", "<0x0A>", "<bos>").
  virtual std::string_view token_name(int32_t id) const = 0;
  // The id of the token that is spelled so; -1 when there is none.
  virtual int32_t token_id(std::string_view name) const = 0;
  // True for control tokens: they steer the model and are not text.
  virtual bool is_special(int32_t id) const = 0;
  // Ids after which generation ends; may be empty.
  virtual std::span<const int32_t> stop_ids() const = 0;
  // First id of a text that has its special tokens; -1 when the model has none.
  virtual int32_t bos_id() const = 0;

  // What the file asks for; applied only when given as EncodeOptions.
  virtual std::optional<Truncation> truncation() const { return {}; }
  virtual std::optional<Padding> padding() const { return {}; }

  // Hits, misses and bytes of the caches of pieces; all zero for a tokenizer without any.
  virtual CacheStatistics cache_statistics() const { return {}; }
  // True when text before a space that follows a letter or digit is encoded alike whatever comes after: StreamEncoder.
  virtual bool splits_at_word_ends() const { return false; }
};

// The names that Tokenizer::from_file takes in place of files.
bool is_plain_tokenizer_name(std::string_view name);

// Writes the tokenizer at `path`, any file or folder that Tokenizer::from_file takes and that is made of stages, to the
// file `json_path` as a tokenizer.json that Hugging Face's `tokenizers` loads.  Throws what from_file throws,
// unsupported for what has no such form (SentencePiece models, RWKV), and io.
void convert_tokenizer(const std::string& path, const std::string& json_path);

// Turns ids that come one by one into text that is always whole UTF-8.
//
// It works as Hugging Face's DecodeStream: each id is decoded together with the few before it that its text may depend
// on, and text that ends with U+FFFD waits, for it may be the first bytes of a character.  Not for several threads.
class StreamDecoder {
 public:
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens = true);

  // The text that becomes certain with this id; empty while a character is unfinished.  Throws as Tokenizer::decode.
  // All pieces and `finish` together equal Tokenizer::decode of all ids, with one exception: whole characters of a run
  // of byte tokens are given out as soon as they are whole, and stay so when the run turns out not to be UTF-8.
  std::string push(int32_t id);
  // What is left; an unfinished character becomes U+FFFD.  Then the decoder is as new.
  std::string finish();

 private:
  std::string decode(std::span<const int32_t> ids) const;
  std::span<const int32_t> waiting() const;
  size_t whole_characters() const;
  std::string give_out(size_t n_ids);

  std::shared_ptr<const Tokenizer> tokenizer_;
  bool skip_special_tokens_;
  std::vector<int32_t> ids_;  // n_given_ ids whose text was given out, then those that wait
  size_t n_given_ = 0;
  size_t n_anchor_ = 0;  // how many of those are kept because the others alone have no text
  std::string given_;    // the text of the first n_given_ ids
};

// Turns text that comes in pieces, cut anywhere, into the ids of the whole text.
//
// Ids are given out once no later text can change them, which is decided at the ends of words
// (Tokenizer::splits_at_word_ends); a tokenizer without such ends gives all its ids in `finish`.  Not for several
// threads.
class StreamEncoder {
 public:
  // Throws invalid_argument when `options` ask for truncation or padding.
  explicit StreamEncoder(std::shared_ptr<const Tokenizer> tokenizer, const EncodeOptions& options = {});

  // The ids that become certain with this text; often none.
  std::vector<int32_t> push(std::string_view text);
  // The rest.  All ids together equal Tokenizer::encode of all text; then the encoder is as new.
  std::vector<int32_t> finish();

 private:
  std::vector<int32_t> give_out(size_t n_bytes, bool last);

  std::shared_ptr<const Tokenizer> tokenizer_;
  EncodeOptions options_;
  std::vector<int32_t> prefix_, suffix_;  // what is added around a text
  std::string waiting_;
  size_t n_searched_ = 0;  // bytes of waiting_ in which no word ends
  bool begun_ = false;
};

// Spans in bytes of `text` as pairs of character numbers, which is what Hugging Face and Python count in.  A span that
// cuts a character counts all of it; bytes that are not UTF-8 count as the characters U+FFFD that replace them.
std::vector<TokenSpan> character_spans(std::string_view text, std::span<const TokenSpan> spans);

}  // namespace tidemill
