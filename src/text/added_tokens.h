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
    size_t searched = 0;    // where the search goes on
    size_t end = 0;         // where the last match ended
    size_t none_until = 0;  // no token is spelled from `searched` up to here
  };
  // Bytes of the text, and which of the tokens.  May begin before the last match ended, as Hugging Face's do, when
  // white space that one token took is a token itself.
  struct Match {
    size_t begin, end;
    size_t token;
  };

  AddedTokens() = default;
  // `normalizer` may be null.  Of tokens that are spelled alike, the last counts.  A token of which the normalizer
  // leaves nothing is found before every character that no other one begins at, and at the end of a text: it cuts the
  // text there and, unless it takes white space along, is no token of it.
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer);

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  // The content as it is found, which is also what the decoder gets.
  std::string_view spelling(size_t token) const { return spellings_[token]; }
  bool any(Stage stage) const { return any_[index_of(stage)]; }
  // Whether there is a token that nothing is left of.
  bool cut_everywhere() const { return spelled_by_nothing_ >= 0; }

  // The next match in `text`; moves `cursor` on.  Throws invalid_argument for a special token that is forbidden.
  std::optional<Match> next(Stage stage, std::string_view text, SpecialText special_text, Cursor& cursor) const;

 private:
  static size_t index_of(Stage stage) { return static_cast<size_t>(stage); }
  bool stands_alone(std::string_view text, size_t begin, size_t end) const;
  std::optional<SpecialTokens::Match> find(Stage stage, std::string_view text, Cursor& cursor) const;

  std::vector<AddedToken> tokens_;
  std::vector<std::string> spellings_;
  SpecialTokens finders_[3];  // by stage; their ids are indices of tokens_
  bool any_[3] = {false, false, false};
  int32_t spelled_by_nothing_ = -1;  // index of a normalized token
};

}  // namespace tidemill
