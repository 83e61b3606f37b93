// From the names of tokens back to text: Hugging Face's decoders.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

// Immutable; any number of threads may call it.
class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;
  // Turns names into parts of the text, which is what they are joined.  There may be fewer parts than names.
  virtual void apply(std::vector<std::string>& tokens) const = 0;
  // What a token stands for inside a text, neither first nor last; bytes that need not be UTF-8.
  virtual std::string text_of(std::string_view token) const = 0;
  // True when the text of tokens is no more than what text_of says of each, joined, and what of that is not UTF-8
  // replaced.
  virtual bool joins_texts() const { return false; }
};

std::unique_ptr<const TokenDecoder> make_byte_level_decoder();
// `prefix` continues a word; other tokens are set off by a space.  `cleanup` takes out spaces before punctuation.
std::unique_ptr<const TokenDecoder> make_wordpiece_decoder(std::string prefix, bool cleanup);
// `replacement` is a space, or nothing in the first token if one was put there.
std::unique_ptr<const TokenDecoder> make_metaspace_decoder(std::string replacement, bool prepended);
// `suffix` ends a word.
std::unique_ptr<const TokenDecoder> make_bpe_decoder(std::string suffix);
std::unique_ptr<const TokenDecoder> make_ctc_decoder(std::string pad_token, std::string word_delimiter, bool cleanup);
// Runs of "<0x41>" are bytes.
std::unique_ptr<const TokenDecoder> make_byte_fallback_decoder();
std::unique_ptr<const TokenDecoder> make_fuse_decoder();
// Takes up to `start` and `stop` characters `content` off the ends of each part.
std::unique_ptr<const TokenDecoder> make_strip_decoder(std::string content, size_t start, size_t stop);
std::unique_ptr<const TokenDecoder> make_replace_decoder(std::string pattern, std::string content);
// The same for a regular expression (text/regex/regex.h); `content` is taken literally.  Throws bad_file for a
// malformed pattern and unsupported for one that cannot be run, naming `where`.
std::unique_ptr<const TokenDecoder> make_replace_regex_decoder(std::string_view pattern, std::string content,
                                                               const std::string& where);
std::unique_ptr<const TokenDecoder> make_decoder_sequence(std::vector<std::unique_ptr<const TokenDecoder>> decoders);

// Text as `transformers` tidies it where a model asks for clean_up_tokenization_spaces: no spaces before punctuation
// and contractions of English.
std::string clean_up_spaces(std::string text);

}  // namespace tidemill
