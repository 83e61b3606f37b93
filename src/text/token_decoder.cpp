// Each decoder does to the list of names what Hugging Face's decode_chain does.
// Tests: src/text/token_decoder_test.cpp, and beside Hugging Face's in tests/text/test_tokenizers.py.
#include "text/token_decoder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "text/pieces/byte_alphabet.h"
#include "text/pieces/byte_tokens.h"
#include "text/regex/regex.h"
#include "text/replace_all.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

class ByteLevelDecoder final : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += text_of(token);
    tokens.assign(1, replace_invalid_utf8(bytes));
  }
  std::string text_of(std::string_view token) const override {
    std::string bytes;
    return append_spelled_bytes(token, bytes) ? bytes : std::string(token);
  }
  bool joins_texts() const override { return true; }
};

class WordPieceDecoder final : public TokenDecoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (size_t k = 0; k < tokens.size(); ++k) {
      if (k > 0) {
        tokens[k] = text_of(tokens[k]);
      } else if (cleanup_) {
        tokens[k] = clean_up_spaces(std::move(tokens[k]));
      }
    }
  }
  std::string text_of(std::string_view token) const override {
    std::string text =
        token.starts_with(prefix_) ? std::string(token.substr(prefix_.size())) : " " + std::string(token);
    return cleanup_ ? clean_up_spaces(std::move(text)) : text;
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class MetaspaceDecoder final : public TokenDecoder {
 public:
  MetaspaceDecoder(std::string replacement, bool prepended)
      : replacement_(std::move(replacement)), prepended_(prepended) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (size_t k = 0; k < tokens.size(); ++k) {
      tokens[k] = replace_all(tokens[k], replacement_, k == 0 && prepended_ ? "" : " ");
    }
  }
  std::string text_of(std::string_view token) const override { return replace_all(token, replacement_, " "); }

 private:
  std::string replacement_;
  bool prepended_;
};

class BpeDecoder final : public TokenDecoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (size_t k = 0; k < tokens.size(); ++k) {
      tokens[k] = replace_all(tokens[k], suffix_, k + 1 == tokens.size() ? "" : " ");
    }
  }
  std::string text_of(std::string_view token) const override { return replace_all(token, suffix_, " "); }

 private:
  std::string suffix_;
};

class CtcDecoder final : public TokenDecoder {
 public:
  CtcDecoder(std::string pad_token, std::string word_delimiter, bool cleanup)
      : pad_token_(std::move(pad_token)), word_delimiter_(std::move(word_delimiter)), cleanup_(cleanup) {}

  void apply(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) token = text_of(token);
    std::erase(tokens, std::string());
  }
  std::string text_of(std::string_view token) const override {
    std::string text = replace_all(token, pad_token_, "");
    return cleanup_ ? replace_all(clean_up_spaces(std::move(text)), word_delimiter_, " ") : text;
  }

 private:
  std::string pad_token_, word_delimiter_;
  bool cleanup_;
};

class ByteFallbackDecoder final : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> texts;
    std::string run;  // of bytes
    for (std::string& token : tokens) {
      if (const std::optional<char> byte = byte_of(token)) {
        run += *byte;
      } else {
        end_run(run, texts);
        texts.push_back(std::move(token));
      }
    }
    end_run(run, texts);
    tokens = std::move(texts);
  }
  std::string text_of(std::string_view token) const override {
    const std::optional<char> byte = byte_of(token);
    return byte ? std::string(1, *byte) : std::string(token);
  }

 private:
  static std::optional<char> byte_of(std::string_view token) {
    const bool has_sign = token.starts_with("<0x+");  // which Rust's parser takes
    const std::optional<uint8_t> byte =
        has_sign ? byte_of_token("<0x0" + std::string(token.substr(4))) : byte_of_token(token);
    return byte ? std::optional(static_cast<char>(*byte)) : std::nullopt;
  }
  static void end_run(std::string& run, std::vector<std::string>& texts) {
    if (run.empty()) return;
    if (is_utf8(run)) {
      texts.push_back(run);
    } else {
      texts.insert(texts.end(), run.size(), std::string(kReplacementCharacter));
    }
    run.clear();
  }
};

class FuseDecoder final : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string text;
    for (const std::string& token : tokens) text += token;
    tokens.assign(1, text);
  }
  std::string text_of(std::string_view token) const override { return std::string(token); }
  bool joins_texts() const override { return true; }
};

class StripDecoder final : public TokenDecoder {
 public:
  StripDecoder(std::string content, size_t start, size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = text_of(token);
  }
  std::string text_of(std::string_view token) const override {
    for (size_t n = 0; n < start_ && token.starts_with(content_); ++n) token.remove_prefix(content_.size());
    for (size_t n = 0; n < stop_ && token.ends_with(content_); ++n) token.remove_suffix(content_.size());
    return std::string(token);
  }

 private:
  std::string content_;
  size_t start_, stop_;
};

class ReplaceDecoder final : public TokenDecoder {
 public:
  ReplaceDecoder(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = text_of(token);
  }
  std::string text_of(std::string_view token) const override { return replace_all(token, pattern_, content_); }

 private:
  std::string pattern_, content_;
};

class ReplaceRegexDecoder final : public TokenDecoder {
 public:
  ReplaceRegexDecoder(Regex regex, std::string content) : regex_(std::move(regex)), content_(std::move(content)) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = text_of(token);
  }
  std::string text_of(std::string_view token) const override {
    if (!is_utf8(token)) return std::string(token);  // a part of a character, which no expression matches
    std::string text;
    size_t end = 0;  // of the last match
    RegexMatches matches(regex_, token);
    while (const auto match = matches.next()) {
      text.append(token.substr(end, match->begin - end)).append(content_);
      end = match->end;
    }
    return text.append(token.substr(end));
  }

 private:
  Regex regex_;
  std::string content_;
};

class DecoderSequence final : public TokenDecoder {
 public:
  explicit DecoderSequence(std::vector<std::unique_ptr<const TokenDecoder>> decoders)
      : decoders_(std::move(decoders)) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& decoder : decoders_) decoder->apply(tokens);
  }
  // Decoders behind one that joins all tokens see a text, not a token.
  std::string text_of(std::string_view token) const override {
    std::string text(token);
    for (const auto& decoder : decoders_) {
      text = decoder->text_of(text);
      if (decoder->joins_texts()) break;
    }
    return text;
  }

 private:
  std::vector<std::unique_ptr<const TokenDecoder>> decoders_;
};

}  // namespace

std::unique_ptr<const TokenDecoder> make_byte_level_decoder() {
  return std::make_unique<ByteLevelDecoder>();
}

std::unique_ptr<const TokenDecoder> make_wordpiece_decoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordPieceDecoder>(std::move(prefix), cleanup);
}

std::unique_ptr<const TokenDecoder> make_metaspace_decoder(std::string replacement, bool prepended) {
  return std::make_unique<MetaspaceDecoder>(std::move(replacement), prepended);
}

std::unique_ptr<const TokenDecoder> make_bpe_decoder(std::string suffix) {
  return std::make_unique<BpeDecoder>(std::move(suffix));
}

std::unique_ptr<const TokenDecoder> make_ctc_decoder(std::string pad_token, std::string word_delimiter, bool cleanup) {
  return std::make_unique<CtcDecoder>(std::move(pad_token), std::move(word_delimiter), cleanup);
}

std::unique_ptr<const TokenDecoder> make_byte_fallback_decoder() {
  return std::make_unique<ByteFallbackDecoder>();
}

std::unique_ptr<const TokenDecoder> make_fuse_decoder() {
  return std::make_unique<FuseDecoder>();
}

std::unique_ptr<const TokenDecoder> make_strip_decoder(std::string content, size_t start, size_t stop) {
  return std::make_unique<StripDecoder>(std::move(content), start, stop);
}

std::unique_ptr<const TokenDecoder> make_replace_decoder(std::string pattern, std::string content) {
  return std::make_unique<ReplaceDecoder>(std::move(pattern), std::move(content));
}

std::unique_ptr<const TokenDecoder> make_replace_regex_decoder(std::string_view pattern, std::string content,
                                                               const std::string& where) {
  return std::make_unique<ReplaceRegexDecoder>(Regex(pattern, where), std::move(content));
}

std::unique_ptr<const TokenDecoder> make_decoder_sequence(std::vector<std::unique_ptr<const TokenDecoder>> decoders) {
  return std::make_unique<DecoderSequence>(std::move(decoders));
}

std::string clean_up_spaces(std::string text) {
  // In this order, as one replacement may make room for the next.
  static constexpr std::pair<std::string_view, std::string_view> kReplacements[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [pattern, content] : kReplacements) {
    if (text.find(pattern) != text.npos) text = replace_all(text, pattern, content);
  }
  return text;
}

}  // namespace tidemill
