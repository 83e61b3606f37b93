#include "text/pieces/unknown_token.h"

#include "tidemill/error.h"

namespace tidemill {

void UnknownToken::throw_missing(std::string_view part) const {
  const std::string quoted = printable(std::string(part), 60);
  throw Error(ErrorCode::invalid_argument, "text: no token matches '" + quoted +
                                               "', and the vocabulary has no unknown token" +
                                               (name_.empty() ? "" : " '" + name_ + "'") +
                                               "; leave that out of the text or take a tokenizer with one");
}

}  // namespace tidemill
