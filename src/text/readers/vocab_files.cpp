#include "text/readers/vocab_files.h"

#include <algorithm>
#include <utility>

#include "text/readers/json_cursor.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kMaxTokens = int64_t{1} << 21;

[[noreturn]] void bad_file(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::bad_file, source + ": " + why + "; get the file again from where it was published");
}

template <typename Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    visit(line, number);
  }
}

bool has_upper_case(std::string_view token) {
  if (token.starts_with('[')) return false;  // [CLS], [unused1]
  return std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void add_special_token(TokenizerDescription& description, std::string_view content) {
  const int32_t id = find_token(description, content);
  if (id < 0) return;
  description.added_tokens.push_back({.content = std::string(content), .id = id, .special = true, .normalized = false});
}

}  // namespace

void add_bert_stages(TokenizerDescription& description, bool lowercase) {
  for (const char* content : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) add_special_token(description, content);
  description.normalizer = {{"type", "BertNormalizer"},
                            {"clean_text", true},
                            {"handle_chinese_chars", true},
                            {"strip_accents", nullptr},
                            {"lowercase", lowercase}};
  description.pre_tokenizer = {{"type", "BertPreTokenizer"}};
  description.decoder = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  const int32_t cls = find_token(description, "[CLS]");
  const int32_t sep = find_token(description, "[SEP]");
  if (cls < 0 || sep < 0) return;
  description.post_processor = {{"type", "BertProcessing"}};
  description.post_processor["sep"] = {"[SEP]", sep};
  description.post_processor["cls"] = {"[CLS]", cls};
}

void add_gpt2_stages(TokenizerDescription& description) {
  add_special_token(description, "<|endoftext|>");
  if (!description.added_tokens.empty()) description.stop_ids = {description.added_tokens[0].id};
  description.pre_tokenizer = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  description.post_processor = {
      {"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}, {"use_regex", true}};
  description.decoder = {
      {"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
}

TokenizerDescription read_vocab_txt(std::string_view text, const std::string& source) {
  if (!is_utf8(text)) bad_file(source, "it is not UTF-8");
  TokenizerDescription description;
  description.source = source;
  ModelDescription& model = description.model;
  model.kind = ModelDescription::Kind::wordpiece;
  model.unknown_token = "[UNK]";
  model.continuing_prefix = "##";
  for_each_line(text, [&](std::string_view line, size_t) { model.names.push_back(line); });
  if (std::ssize(model.names) > kMaxTokens) bad_file(source, "it has more than 2^21 lines");
  model.n_tokens = model.names.size();
  if (find_token(description, model.unknown_token) < 0)
    bad_file(source, "no line is [UNK], so this is no vocabulary of BERT");
  add_bert_stages(description, std::none_of(model.names.begin(), model.names.end(), has_upper_case));
  return description;
}

TokenizerDescription read_vocab_and_merges(std::string_view vocab, std::string_view merges, const std::string& source,
                                           const std::string& merges_source) {
  if (!is_utf8(vocab)) bad_file(source, "it is not UTF-8");
  if (!is_utf8(merges)) bad_file(merges_source, "it is not UTF-8");
  TokenizerDescription description;
  description.source = source;
  ModelDescription& model = description.model;
  const auto cursor = std::make_shared<JsonCursor>(vocab, source);
  cursor->read_object([&](std::string_view name) {
    const int64_t id = cursor->read_integer();
    // The file's size bounds the ids, and with them the memory that they take.
    if (id < 0 || id >= std::min(kMaxTokens, std::ssize(vocab))) {
      cursor->fail("token '" + std::string(name) + "' has an id that is too large for the file");
    }
    if (std::ssize(model.names) <= id) model.names.resize(static_cast<size_t>(id) + 1);
    model.names[static_cast<size_t>(id)] = name;
    ++model.n_tokens;
  });
  cursor->finish();
  for_each_line(merges, [&](std::string_view line, size_t number) {
    if (line.empty() || (number == 1 && line.starts_with("#version"))) return;
    const size_t space = line.find(' ');
    if (space == line.npos || line.find(' ', space + 1) != line.npos) {
      bad_file(merges_source, "line " + std::to_string(number) + " is not two tokens");
    }
    model.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  });
  description.storage = cursor;
  add_gpt2_stages(description);
  return description;
}

}  // namespace tidemill
