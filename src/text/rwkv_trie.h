// The tokenizer of RWKV World models: the longest token first, over bytes.
//
// A vocabulary is a text file with a token a line: its id, the token as Python writes a string ('\n') or bytes
// (b'\xe4\xbd'), and how many bytes it has.  Id 0, which no line has, ends a text.
// Format and behaviour: github.com/BlinkDL/ChatRWKV, rwkv_tokenizer.py.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

// Of the content of a file called `source`, which may go after the call.  Throws bad_file, naming the line, for a line
// of another form, a length that does not fit, an id or a token that occurs twice, an id greater than the file is long,
// and for a vocabulary that lacks the token of a single byte.
std::shared_ptr<const Tokenizer> make_rwkv_tokenizer(std::string_view content, const std::string& source);

// The same vocabulary as lists, as GGUF files have it.
struct RwkvVocab {
  std::vector<std::string> tokens;       // by id, the bytes that it stands for; empty: not found in texts
  std::vector<AddedToken> added_tokens;  // with their ids
  std::vector<int32_t> stop_ids;         // after which generation ends
  int32_t bos = -1;                      // id; -1: none
};
// Special tokens are text unless SpecialText::parse asks for them.  Throws bad_file for a token that occurs twice and
// for a vocabulary that lacks the token of a single byte.
std::shared_ptr<const Tokenizer> make_rwkv_tokenizer(RwkvVocab vocab, const std::string& source);

// True when `content` looks like such a file.
bool is_rwkv_vocabulary(std::string_view content);

}  // namespace tidemill
