// Tokens that were added to a vocabulary: they are found in a text before anything else is done to it, as Hugging
// Face's AddedVocabulary finds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalizer.h"
#include "text/special_tokens.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

struct AddedToken {
  std::string content;  // UTF-8, not empty
  int32_t id = -1;
  bool special = false;      // steers the model, is no text
  bool normalized = true;    // found in the normalized text, its content being normalized, too; else in the original
  bool single_word = false;  // only between characters that are no part of words
  bool lstrip = false;       // takes the white space to its left along
  bool rstrip = false;       // and to its right
  bool whole = false;        // one of those that a model which reads raw texts finds by itself (RawText)
};

// Immutable; any number of threads may call it.
class AddedTokens {
 public:
  // `raw`: the original text, but without the tokens that the model finds.
  enum class Stage : uint8_t { original, normalized, raw };

  // Walks over a text, front to back.
  struct Cursor {
    size_t searched = 0;  // where the search goes on
    size_t end = 0;       // where the last match ended
  };
  // Bytes of the text, and which of the tokens.  May begin before the last match ended, as Hugging Face's do, when
  // white space that one token took is a token itself.
  struct Match {
    size_t begin, end;
    size_t token;
  };

  AddedTokens() = default;
  // `normalizer` may be null.  Of tokens that are spelled alike, the last counts.
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer);

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  // The content as it is found, which is also what the decoder gets.
  std::string_view spelling(size_t token) const { return spellings_[token]; }
  bool any(Stage stage) const { return any_[index_of(stage)]; }

  // The next match in `text`; moves `cursor` on.  Throws invalid_argument for a special token that is forbidden.
  std::optional<Match> next(Stage stage, std::string_view text, SpecialText special_text, Cursor& cursor) const;

 private:
  static size_t index_of(Stage stage) { return static_cast<size_t>(stage); }
  bool stands_alone(std::string_view text, size_t begin, size_t end) const;

  std::vector<AddedToken> tokens_;
  std::vector<std::string> spellings_;
  SpecialTokens finders_[3];  // by stage; their ids are indices of tokens_
  bool any_[3] = {false, false, false};
};

}  // namespace tidemill
