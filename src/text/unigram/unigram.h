// Unigram: of all ways to write a text as tokens the one with the highest sum of scores (T5, XLM-R, Albert, XLNet).
//
//   Kudo 2018, "Subword regularization", arXiv:1804.10959.  Scores are log probabilities.
//
// A character that no token matches alone may be taken as unknown, 10 below the lowest score; unknown neighbours are
// one token.  The two implementations that files are made for differ in rounding, and so in ids where sums nearly tie:
//   - hugging_face (tokenizer.json): sums in double precision.  Every token may be found in a text, also "<unk>" and
//     "<s>".  With byte fallback, a run of unknown characters becomes its bytes when it is no token itself.
//   - sentencepiece 0.2.3 (.model files): sums in single precision, begun anew where one passes 100,000; only normal
//   and
//     user-defined tokens are found, and the latter score 0.1 for each byte but the first.  Byte fallback goes
//     character by character, and only the last byte of one stands for it whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/pieces/piece_model.h"
#include "text/pieces/token_type.h"

namespace tidemill {

enum class UnigramRules : uint8_t { hugging_face, sentencepiece };

struct UnigramVocab {
  std::vector<std::string_view> tokens;  // UTF-8, by id; copied.  Of equal ones the last counts.
  std::vector<double> scores;            // one per token
  std::vector<TokenType> types;  // one per token, or empty: all are normal; only for UnigramRules::sentencepiece
  int32_t unknown = -1;          // id; -1: none, and a text that needs it throws invalid_argument
  bool byte_fallback = false;
};

// `source` names the file in messages.  Throws bad_file, naming the token, for lists of different lengths, a token that
// is not UTF-8, a score that is not a number and an unknown token out of range.
//
// Encoding takes linear time, times the length of the longest token where tokens abound, and memory for the stretch of
// text that is not yet decided: some hundred bytes in written language, and rarely above 64 KiB in any text.
std::unique_ptr<PieceModel> make_unigram(const UnigramVocab& vocab, UnigramRules rules, const std::string& source);

}  // namespace tidemill
