#include "api/tokenizer_files.h"

#include <filesystem>
#include <string_view>
#include <vector>

#include "api/gguf_description.h"
#include "api/gguf_tokenizer.h"
#include "api/model_file.h"
#include "api/sentence_files.h"
#include "text/readers/json_cursor.h"
#include "text/readers/tiktoken.h"
#include "text/readers/tokenizer_config.h"
#include "text/readers/tokenizer_json.h"
#include "text/readers/vocab_files.h"
#include "text/rwkv_trie.h"
#include "text/sentencepiece/sentencepiece_model.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

bool begins_json_object(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{';
}

// tokenizer.json's members are texts and objects; vocab.json's are numbers.
bool maps_to_numbers(std::string_view text, const std::string& source) {
  return JsonCursor(text, source).enter_first_member() == JsonCursor::Kind::number;
}

TokenizerDescription describe_vocab_and_merges(const CompanionFiles& files, const std::string& vocab,
                                               const std::string& merges) {
  return read_vocab_and_merges(files.text(vocab), files.text(merges), files.path(vocab), files.path(merges));
}

bool has_line(std::string_view text, std::string_view line) {
  for (size_t at = text.find(line); at != text.npos; at = text.find(line, at + 1)) {
    const size_t end = at + line.size();
    const bool begins = at == 0 || text[at - 1] == '\n';
    if (begins && (end == text.size() || text[end] == '\n' || text[end] == '\r')) return true;
  }
  return false;
}

// Views of the result refer to `files`.
TokenizerDescription describe(const CompanionFiles& files, const std::string& name) {
  const std::string_view text = files.text(name);
  const std::string path = files.path(name);
  if (begins_json_object(text)) {
    if (maps_to_numbers(text, path)) return describe_vocab_and_merges(files, name, "merges.txt");
    return read_tokenizer_json(text, path);
  }
  if (text.starts_with("#version")) return describe_vocab_and_merges(files, "vocab.json", name);
  if (is_tiktoken(text)) return read_tiktoken(text, name, path);
  if (has_line(text, "[UNK]")) return read_vocab_txt(text, path);
  throw Error(ErrorCode::unsupported, path + ": no kind of tokenizer is recognised; docs/tokenizers.md says which are");
}

// The kinds that are read as a whole rather than described; null for others.  `config` may be null.
std::shared_ptr<const Tokenizer> load_whole(const CompanionFiles& files, const std::string& name,
                                            const TokenizerConfig* config, const TokenizerOptions& options) {
  const std::string_view text = files.text(name);
  const std::string path = files.path(name);
  if (text.starts_with("GGUF")) return tokenizer_of(GgufFile(path), options);
  if (is_rwkv_vocabulary(text)) return make_rwkv_tokenizer(text, path);
  if (!is_sentencepiece_model(text)) return nullptr;
  SentencePieceAdditions additions;
  if (config) additions = {.add_bos = config->add_bos().value_or(false), .add_eos = config->add_eos().value_or(false)};
  return make_sentencepiece_tokenizer(text, path, additions, options);
}

// The file that holds the vocabulary.
std::string find_vocabulary(const CompanionFiles& files) {
  for (const char* name : {"tokenizer.json", "vocab.json", "vocab.txt"}) {
    if (files.contains(name)) return name;
  }
  std::vector<std::string> found;
  for (const std::string& name : files.names()) {
    const std::string ending = fs::path(name).extension().string();
    const bool is_vocabulary =
        ending == ".tiktoken" || ending == ".model" || ending == ".gguf" || name.starts_with("rwkv_vocab");
    if (is_vocabulary) found.push_back(name);
  }
  if (found.size() == 1) return found[0];
  throw Error(found.empty() ? ErrorCode::not_found : ErrorCode::invalid_argument,
              files.place() + (found.empty() ? ": it has no tokenizer" : ": it has several tokenizers") +
                  "; give the file itself (docs/tokenizers.md says which kinds there are)");
}

TokenizerConfig read_config(const CompanionFiles& files) {
  TokenizerConfig config;
  const auto read = [&](const char* name, void (TokenizerConfig::*reader)(std::string_view, const std::string&)) {
    if (files.contains(name)) (config.*reader)(files.text(name), files.path(name));
  };
  read("special_tokens_map.json", &TokenizerConfig::read_special_tokens_map);
  read("tokenizer_config.json", &TokenizerConfig::read_tokenizer_config);
  read("generation_config.json", &TokenizerConfig::read_generation_config);
  return config;
}

void apply_config(const TokenizerConfig& config, const std::string& vocabulary, TokenizerDescription& description) {
  if (config.do_lower_case() && vocabulary == "vocab.txt") {
    description.normalizer["lowercase"] = *config.do_lower_case();
  }
  config.apply(description);
}

// The folder of a file and its name there.
std::pair<FolderFiles, std::string> in_its_folder(const std::string& path) {
  return {FolderFiles(fs::path(path).parent_path().string()), fs::path(path).filename().string()};
}

}  // namespace

std::shared_ptr<const Tokenizer> load_tokenizer_file(const std::string& path, const TokenizerOptions& options) {
  if (path.ends_with(kTmillEnding)) return open_model_file(path)->load_tokenizer(options);
  const auto [files, name] = in_its_folder(path);
  if (auto tokenizer = load_whole(files, name, nullptr, options)) return tokenizer;
  return build_tokenizer(describe(files, name), options);
}

std::shared_ptr<const Tokenizer> load_tokenizer_of(const CompanionFiles& files, const TokenizerOptions& options) {
  const std::string name = find_vocabulary(files);
  const TokenizerConfig config = read_config(files);
  if (auto tokenizer = load_whole(files, name, &config, options)) return tokenizer;
  TokenizerDescription description = describe(files, name);
  apply_config(config, name, description);
  return build_tokenizer(std::move(description), options);
}

std::shared_ptr<const Tokenizer> tokenizer_if_any(const CompanionFiles& files, const TokenizerOptions& options) {
  try {
    return load_tokenizer_of(files, options);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) return nullptr;
    throw;
  }
}

std::optional<TokenizerDescription> describe_tokenizer_of(const CompanionFiles& files) {
  std::string name;
  try {
    name = find_vocabulary(files);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) return {};
    throw;
  }
  TokenizerDescription description = describe(files, name);
  apply_config(read_config(files), name, description);
  return description;
}

std::string tokenizer_as_json(const std::string& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const auto [files, file_name] = is_folder ? std::pair(model_files(path), std::string()) : in_its_folder(path);
  const std::string name = is_folder ? find_vocabulary(files) : file_name;
  if (files.text(name).starts_with("GGUF")) {
    const GgufFile file(files.path(name));
    return write_tokenizer_json(describe_gguf(file));
  }
  TokenizerDescription description = describe(files, name);
  if (is_folder) apply_config(read_config(files), name, description);
  return write_tokenizer_json(description);
}

}  // namespace tidemill
