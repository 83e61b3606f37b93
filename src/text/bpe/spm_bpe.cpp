#include "text/bpe/spm_bpe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "text/bpe/spm_encoder.h"
#include "text/pieces/token_table.h"
#include "text/unicode/digit.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr size_t kMaxTokens = size_t{1} << 24;
// Keeps a word, in which a space takes three bytes, below 4 GiB.
constexpr size_t kMaxTextBytes = size_t{1} << 30;

[[noreturn]] void bad_vocabulary(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::bad_file, source + ": " + why + "; get the file again from where it was published");
}

// The byte that "<0xHH>" names; -1 for any other string.
int byte_of(std::string_view token) {
  if (token.size() != 6 || token.substr(0, 3) != "<0x" || token[5] != '>') return -1;
  const int high = digit_value(token[3]);
  const int low = digit_value(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string token_label(size_t id, std::string_view token) {
  return "token " + std::to_string(id) + " '" + std::string(token) + "'";
}

void check_tokens(const SpmVocab& vocab, const std::string& source) {
  if (vocab.tokens.empty()) bad_vocabulary(source, "the vocabulary is empty");
  if (vocab.tokens.size() > kMaxTokens) {
    bad_vocabulary(source, "the vocabulary has " + std::to_string(vocab.tokens.size()) + " tokens, more than 2^24");
  }
  if (vocab.scores.size() != vocab.tokens.size() || vocab.types.size() != vocab.tokens.size()) {
    bad_vocabulary(source, std::to_string(vocab.tokens.size()) + " tokens, but " + std::to_string(vocab.scores.size()) +
                               " scores and " + std::to_string(vocab.types.size()) + " types");
  }
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    if (!is_utf8(vocab.tokens[id])) bad_vocabulary(source, token_label(id, vocab.tokens[id]) + " is not UTF-8");
    if (std::isnan(vocab.scores[id])) {
      bad_vocabulary(source, "the score of " + token_label(id, vocab.tokens[id]) + " is not a number");
    }
    if (vocab.types[id] < TokenType::normal || vocab.types[id] > TokenType::reserved) {
      bad_vocabulary(source, token_label(id, vocab.tokens[id]) + " has an unknown type");
    }
  }
}

void check_ids(const SpmVocab& vocab, const std::string& source) {
  const auto check = [&](std::string_view what, int32_t id) {
    if (id >= -1 && id < static_cast<int64_t>(vocab.tokens.size())) return;
    bad_vocabulary(source, "the " + std::string(what) + " token is " + std::to_string(id) + ", but there are " +
                               std::to_string(vocab.tokens.size()) + " tokens");
  };
  check("beginning-of-text", vocab.bos);
  check("end-of-text", vocab.eos);
  check("unknown", vocab.unknown);
  for (const int32_t id : vocab.stop_ids) check("stop", id);
}

// The byte tokens by their byte, -1 where there is none.
std::array<int32_t, 256> find_byte_ids(const SpmVocab& vocab, const std::string& source) {
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  size_t n_found = 0;
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    if (vocab.types[id] != TokenType::byte) continue;
    const int byte = byte_of(vocab.tokens[id]);
    if (byte < 0)
      bad_vocabulary(source, token_label(id, vocab.tokens[id]) + " is a byte token, but not <0x00> to <0xFF>");
    if (ids[byte] >= 0) bad_vocabulary(source, token_label(id, vocab.tokens[id]) + " is a second token of that byte");
    ids[byte] = static_cast<int32_t>(id);
    ++n_found;
  }
  if (n_found < ids.size() && vocab.unknown < 0) {
    bad_vocabulary(source, "there is no unknown token and only " + std::to_string(n_found) + " of 256 byte tokens");
  }
  return ids;
}

// What each token stands for in a text.
TokenStrings token_texts(const SpmVocab& vocab) {
  std::array<char, 256> bytes;
  for (size_t k = 0; k < bytes.size(); ++k) bytes[k] = static_cast<char>(k);
  std::string buffer;  // the texts that differ from the names
  std::vector<std::pair<size_t, size_t>> changed;
  std::vector<std::string_view> texts = vocab.tokens;
  for (size_t id = 0; id < texts.size(); ++id) {
    if (vocab.types[id] == TokenType::byte) {
      texts[id] = std::string_view(&bytes[byte_of(texts[id])], 1);
    } else if (texts[id].find(kSpaceSymbol) != std::string_view::npos) {
      changed.emplace_back(id, buffer.size());
      buffer += unescape_spaces(texts[id]);
    }
  }
  changed.emplace_back(0, buffer.size());
  for (size_t k = 0; k + 1 < changed.size(); ++k) {
    const auto [id, begin] = changed[k];
    texts[id] = std::string_view(buffer).substr(begin, changed[k + 1].second - begin);
  }
  return TokenStrings(texts);
}

class SpmBpe final : public Tokenizer {
 public:
  // Of a checked vocabulary.
  SpmBpe(const SpmVocab& vocab, const std::array<int32_t, 256>& byte_ids, const std::string& source)
      : names_(vocab.tokens),
        texts_(token_texts(vocab)),
        types_(vocab.types),
        bos_(vocab.bos),
        eos_(vocab.eos),
        add_bos_(vocab.add_bos && vocab.bos >= 0),
        add_eos_(vocab.add_eos && vocab.eos >= 0),
        add_space_prefix_(vocab.add_space_prefix),
        stop_ids_(vocab.stop_ids),
        index_(names_, source),
        encoder_(vocab, index_, byte_ids) {}

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options,
                              std::vector<TokenSpan>* spans) const override {
    if (text.size() > kMaxTextBytes) {
      throw Error(ErrorCode::invalid_argument,
                  "text: it is " + std::to_string(text.size()) + " bytes long; encode it in parts of at most 1 GiB");
    }
    std::vector<int32_t> ids;
    if (spans) spans->clear();
    const auto add = [&](int32_t id, size_t at) {
      ids.push_back(id);
      if (spans) spans->push_back({static_cast<int64_t>(at), static_cast<int64_t>(at)});
    };
    if (options.add_special_tokens && add_bos_) add(bos_, 0);
    encoder_.encode(text, options.special_text != SpecialText::as_text, ids, spans);
    if (options.add_special_tokens && add_eos_) add(eos_, text.size());
    return ids;
  }

  size_t encode_into(std::string_view text, std::span<int32_t> ids, const EncodeOptions& options) const override {
    const std::vector<int32_t> all = encode(text, options, nullptr);
    std::copy_n(all.begin(), std::min(all.size(), ids.size()), ids.begin());
    return all.size();
  }

  Encoding encode_full(std::string_view text, const EncodeOptions& options) const override {
    Encoding encoding;
    encoding.ids = encode(text, options, &encoding.spans);
    return encoding;
  }

  Encoding encode_pair(std::string_view, std::string_view, const EncodeOptions&) const override {
    throw Error(ErrorCode::unsupported, "pairs of texts: SentencePiece vocabularies of GGUF files encode single texts");
  }

  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens) const override {
    std::string text;
    std::string bytes;  // of the run of byte tokens that is being read
    for (const int32_t id : ids) {
      check_id(id);
      if (types_[id] == TokenType::byte) {
        bytes += texts_[id];
      } else if (!skip_special_tokens || !is_special(id)) {
        end_byte_run(bytes, text);
        text += texts_[id];
      }
    }
    end_byte_run(bytes, text);
    if (add_space_prefix_ && text.starts_with(' ')) text.erase(0, 1);
    return text;
  }

  int32_t vocab_size() const override { return names_.size(); }

  std::string_view token_bytes(int32_t id, bool skip_special_tokens) const override {
    const bool special = is_special(id);
    return skip_special_tokens && special ? std::string_view() : texts_[id];
  }

  std::string_view token_name(int32_t id) const override {
    check_id(id);
    return names_[id];
  }

  int32_t token_id(std::string_view name) const override { return index_.find(name); }

  bool is_special(int32_t id) const override {
    check_id(id);
    return types_[id] == TokenType::control || types_[id] == TokenType::unknown;
  }

  std::span<const int32_t> stop_ids() const override { return stop_ids_; }
  int32_t bos_id() const override { return bos_; }

 private:
  void check_id(int32_t id) const {
    if (id >= 0 && id < names_.size()) return;
    throw Error(ErrorCode::invalid_argument, "token id " + std::to_string(id) + ": the vocabulary has ids 0 to " +
                                                 std::to_string(names_.size() - 1));
  }

  static void end_byte_run(std::string& bytes, std::string& text) {
    if (is_utf8(bytes)) {
      text += bytes;
    } else {
      for (size_t k = 0; k < bytes.size(); ++k) text += kReplacementCharacter;
    }
    bytes.clear();
  }

  TokenStrings names_;
  TokenStrings texts_;
  std::vector<TokenType> types_;
  int32_t bos_, eos_;
  bool add_bos_, add_eos_, add_space_prefix_;
  std::vector<int32_t> stop_ids_;
  TokenIndex index_;
  SpmEncoder encoder_;
};

}  // namespace

std::shared_ptr<const Tokenizer> make_spm_bpe(const SpmVocab& vocab, const std::string& source) {
  check_tokens(vocab, source);
  check_ids(vocab, source);
  return std::make_shared<SpmBpe>(vocab, find_byte_ids(vocab, source), source);
}

}  // namespace tidemill
