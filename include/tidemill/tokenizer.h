// Tokenizer: text <-> token ids, exactly as the model's own tokenizer does it.  Usable alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

struct EncodeOptions {
  bool add_special_tokens = true;    // what the model wants around a text, e.g. <bos>
  bool parse_special_tokens = true;  // text that spells a special token becomes that token; else it is plain text
};

// Where a token's text lies in the input, in bytes: [begin, end).
struct TokenSpan {
  int64_t begin = 0;
  int64_t end = 0;
};

// Immutable after loading; all functions may be called from any number of threads at once.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Loads the tokenizer of a model file (GGUF).  Throws not_found, bad_file or unsupported, naming the file and field.
  static std::shared_ptr<const Tokenizer> from_file(const std::string& path);

  // Token ids of `text`.  Bytes that are not UTF-8 are replaced by U+FFFD, as the reference implementations do.
  // `spans`, when given, receives one span per id; tokens that the tokenizer adds have empty spans.
  virtual std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {},
                                      std::vector<TokenSpan>* spans = nullptr) const = 0;
  // Text of `ids`; byte sequences that are not UTF-8 become U+FFFD.  Throws invalid_argument for an id out of range.
  virtual std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const = 0;

  virtual int32_t vocab_size() const = 0;
  // The bytes that one id stands for inside a text (" the", or one raw byte); empty for special tokens when
  // `skip_special_tokens`.  Throws invalid_argument for an id out of range.
  virtual std::string_view token_bytes(int32_t id, bool skip_special_tokens = true) const = 0;
  // The token as the vocabulary spells it ("\u2581the", "<0x0A>", "<bos>").
  virtual std::string_view token_name(int32_t id) const = 0;
  // True for control tokens: they steer the model and are not text.
  virtual bool is_special(int32_t id) const = 0;
  // Ids after which generation ends; may be empty.
  virtual std::span<const int32_t> stop_ids() const = 0;
  // First id of a text that has its special tokens; -1 when the model has none.
  virtual int32_t bos_id() const = 0;
};

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
  std::string given_;  // the text of the first n_given_ ids
};

}  // namespace tidemill
