#include "text/rwkv_trie.h"

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "text/pieces/byte_trie.h"
#include "text/pieces/token_table.h"
#include "text/pipeline.h"
#include "text/plain_units.h"
#include "text/readers/python_literal.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int32_t kEndOfText = 0;
constexpr size_t kMaxId = (size_t{1} << 24) - 1;

class LongestMatch final : public PieceModel {
 public:
  // Every byte is a token.
  explicit LongestMatch(std::span<const std::string_view> tokens) : names_(tokens), trie_(trie_entries(tokens)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch&, PieceTokens tokens) const override {
    for (size_t k = 0; k < pieces.size(); ++k) {
      for (uint32_t pos = pieces[k].begin; pos < pieces[k].end;) {
        const ByteTrie::Match match = trie_.longest(text, ByteTrie::kRoot, pos, pieces[k].end);
        tokens.ids.push_back(match.value);
        if (tokens.ranges) tokens.ranges->push_back({pos, match.end});
        if (tokens.pieces) tokens.pieces->push_back(static_cast<uint32_t>(k));
        pos = match.end;
      }
    }
  }

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_[id]; }
  int32_t token_id(std::string_view name) const override { return trie_.find(name); }

 private:
  TokenStrings names_;
  ByteTrie trie_;  // names -> ids
};

struct Line {
  size_t id;
  std::string token;
};

// A line without its end; nothing when it has another form.
std::optional<Line> read_line(std::string_view line) {
  const size_t id_end = line.find(' ');
  const size_t size_begin = line.rfind(' ');
  if (id_end == line.npos || id_end == size_begin) return {};
  const auto number = [](std::string_view digits) -> std::optional<size_t> {
    size_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return {};
    return value;
  };
  const std::optional<size_t> id = number(line.substr(0, id_end));
  const std::optional<size_t> size = number(line.substr(size_begin + 1));
  std::optional<std::string> token = read_python_literal(line.substr(id_end + 1, size_begin - id_end - 1));
  if (!id || !size || !token || token->empty() || token->size() != *size) return {};
  return Line{*id, *std::move(token)};
}

// Cuts the next line off `content`.
std::string_view next_line(std::string_view& content) {
  const size_t size = std::min(content.find('\n'), content.size());
  std::string_view line = content.substr(0, size);
  content.remove_prefix(std::min(size + 1, content.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

[[noreturn]] void bad_line(const std::string& source, size_t number, const std::string& why) {
  throw Error(ErrorCode::bad_file, source + ": line " + std::to_string(number) + ": " + why +
                                       "; get the file again from where it was published");
}

std::vector<std::string> read_tokens(std::string_view content, const std::string& source) {
  const size_t greatest = std::min(kMaxId, content.size());
  std::vector<std::string> tokens;
  for (size_t number = 1; !content.empty(); ++number) {
    const std::string_view text = next_line(content);
    if (text.empty() && content.empty()) break;
    std::optional<Line> line = read_line(text);
    if (!line) bad_line(source, number, "it is no 'ID TOKEN SIZE' with a string or bytes of Python");
    if (line->id > greatest || line->id == kEndOfText) {
      bad_line(source, number,
               "the id " + std::to_string(line->id) + " is not between 1 and " + std::to_string(greatest));
    }
    if (line->id >= tokens.size()) tokens.resize(line->id + 1);
    if (!tokens[line->id].empty()) bad_line(source, number, "the id " + std::to_string(line->id) + " occurs twice");
    tokens[line->id] = std::move(line->token);
  }
  return tokens;
}

void check_tokens(const PieceModel& model, const std::string& source) {
  for (int byte = 0; byte < 256; ++byte) {
    const char name = static_cast<char>(byte);
    if (model.token_id({&name, 1}) >= 0) continue;
    throw Error(ErrorCode::bad_file, source + ": the byte " + std::to_string(byte) +
                                         " is no token, so that not every text has ids; get the file again from where "
                                         "it was published");
  }
  for (int32_t id = 0; id < model.vocab_size(); ++id) {
    const std::string_view name = model.token_name(id);
    if (name.empty() || model.token_id(name) == id) continue;
    throw Error(ErrorCode::bad_file, source + ": the ids " + std::to_string(id) + " and " +
                                         std::to_string(model.token_id(name)) +
                                         " are the same token; get the file again from where it was published");
  }
}

}  // namespace

std::shared_ptr<const Tokenizer> make_rwkv_tokenizer(std::string_view content, const std::string& source) {
  return make_rwkv_tokenizer({.tokens = read_tokens(content, source), .added_tokens = {}, .stop_ids = {kEndOfText}},
                             source);
}

std::shared_ptr<const Tokenizer> make_rwkv_tokenizer(RwkvVocab vocab, const std::string& source) {
  PipelineParts parts;
  parts.model = std::make_unique<LongestMatch>(std::vector<std::string_view>(vocab.tokens.begin(), vocab.tokens.end()));
  check_tokens(*parts.model, source);
  parts.added_tokens = std::move(vocab.added_tokens);
  parts.standard_special_text = SpecialText::as_text;
  parts.decoder = make_raw_decoder();
  parts.stop_ids = std::move(vocab.stop_ids);
  parts.bos = vocab.bos;
  return make_pipeline(std::move(parts), {});
}

bool is_rwkv_vocabulary(std::string_view content) {
  return read_line(next_line(content)).has_value();
}

}  // namespace tidemill
