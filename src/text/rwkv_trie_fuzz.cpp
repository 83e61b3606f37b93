// Fuzz target: any bytes as lines of an RWKV vocabulary.  Build: ./dev fuzz rwkv_trie_fuzz.
//
// Input: lines that follow the tokens of all bytes; after an empty line the text.  Checked: the file is refused as bad
// or the text's tokens are its bytes, each the longest there is, and decode to it.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "text/readers/python_literal.h"
#include "text/rwkv_trie.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string all_bytes() {
  std::string lines;
  const auto hex = [](int digit) { return "0123456789abcdef"[digit]; };
  for (int byte = 0; byte < 256; ++byte) {
    lines += std::to_string(byte + 1) + " b'\\x" + hex(byte / 16) + hex(byte % 16) + "' 1\n";
  }
  return lines;
}

void check(const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<int32_t> ids = tokenizer.encode(text);
  const std::string whole = replace_invalid_utf8(text);
  require(tokenizer.decode(ids) == whole);
  size_t pos = 0;
  for (const int32_t id : ids) {
    const size_t size = tokenizer.token_bytes(id).size();
    for (size_t longer = size + 1; longer < size + 4 && pos + longer <= whole.size(); ++longer) {
      require(tokenizer.token_id(whole.substr(pos, longer)) < 0);
    }
    pos += size;
  }
  require(pos == whole.size());
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = std::min(input.find("\n\n"), input.size());
  const std::string_view lines = input.substr(0, split);
  is_rwkv_vocabulary(lines);
  read_python_literal(lines);
  try {
    check(*make_rwkv_tokenizer(all_bytes() + std::string(lines), "fuzz.txt"), input.substr(split));
  } catch (const Error& error) {
    require(error.code() == ErrorCode::bad_file);
  }
  return 0;
}
