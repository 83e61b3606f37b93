#include "api/same_vocabulary.h"

#include "tidemill/error.h"

namespace tidemill {

void require_same_vocabulary(const Tokenizer& tokenizer, const Tokenizer& draft, const std::string& path) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::unsupported,
                path + ": cannot guess for this model: " + why + "; use a draft model of the same family");
  };
  const int32_t n = tokenizer.vocab_size();
  if (draft.vocab_size() != n)
    fail("it has " + std::to_string(draft.vocab_size()) + " tokens, the model " + std::to_string(n));
  for (int32_t id = 0; id < n; ++id)
    if (draft.token_bytes(id, false) != tokenizer.token_bytes(id, false) ||
        draft.is_special(id) != tokenizer.is_special(id))
      fail("token " + std::to_string(id) + " is another one");
}

}  // namespace tidemill
