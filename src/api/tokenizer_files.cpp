#include "api/tokenizer_files.h"

#include <filesystem>
#include <string_view>
#include <vector>

#include "api/gguf_description.h"
#include "api/gguf_tokenizer.h"
#include "sys/mapped_file.h"
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

// A description together with the mapped files that it refers to.
struct Loaded {
  TokenizerDescription description;
  std::vector<MappedFile> files;
};

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

bool begins_json_object(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{';
}

// tokenizer.json's members are texts and objects; vocab.json's are numbers.
bool maps_to_numbers(std::string_view text, const std::string& source) {
  return JsonCursor(text, source).enter_first_member() == JsonCursor::Kind::number;
}

Loaded load_vocab_and_merges(const fs::path& vocab_path, const fs::path& merges_path) {
  Loaded loaded;
  loaded.files.emplace_back(vocab_path.string());
  loaded.files.emplace_back(merges_path.string());
  loaded.description = read_vocab_and_merges(text_of(loaded.files[0]), text_of(loaded.files[1]), vocab_path.string(),
                                             merges_path.string());
  return loaded;
}

bool has_line(std::string_view text, std::string_view line) {
  for (size_t at = text.find(line); at != text.npos; at = text.find(line, at + 1)) {
    const size_t end = at + line.size();
    const bool begins = at == 0 || text[at - 1] == '\n';
    if (begins && (end == text.size() || text[end] == '\n' || text[end] == '\r')) return true;
  }
  return false;
}

Loaded load_description(const fs::path& path) {
  Loaded loaded;
  loaded.files.emplace_back(path.string());
  const std::string_view text = text_of(loaded.files[0]);
  if (begins_json_object(text)) {
    if (maps_to_numbers(text, path.string())) return load_vocab_and_merges(path, path.parent_path() / "merges.txt");
    loaded.description = read_tokenizer_json(text, path.string());
  } else if (text.starts_with("#version")) {
    return load_vocab_and_merges(path.parent_path() / "vocab.json", path);
  } else if (is_tiktoken(text)) {
    loaded.description = read_tiktoken(text, path.filename().string(), path.string());
  } else if (has_line(text, "[UNK]")) {
    loaded.description = read_vocab_txt(text, path.string());
  } else {
    throw Error(ErrorCode::unsupported,
                path.string() + ": no kind of tokenizer is recognised; docs/tokenizers.md says which are");
  }
  return loaded;
}

// The kinds that are read as a whole rather than described; null for others.  `config` may be null.
std::shared_ptr<const Tokenizer> load_whole(const std::string& path, const TokenizerConfig* config,
                                            const TokenizerOptions& options) {
  const MappedFile file(path);
  if (text_of(file).starts_with("GGUF")) return tokenizer_of(GgufFile(path), options);
  if (is_rwkv_vocabulary(text_of(file))) return make_rwkv_tokenizer(text_of(file), path);
  if (!is_sentencepiece_model(text_of(file))) return nullptr;
  SentencePieceAdditions additions;
  if (config) additions = {.add_bos = config->add_bos().value_or(false), .add_eos = config->add_eos().value_or(false)};
  return make_sentencepiece_tokenizer(text_of(file), path, additions, options);
}

// The file that holds the vocabulary of the tokenizer in `folder`.
fs::path find_vocabulary(const fs::path& folder) {
  std::error_code ignored;
  for (const char* name : {"tokenizer.json", "vocab.json", "vocab.txt"}) {
    if (fs::is_regular_file(folder / name, ignored)) return folder / name;
  }
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string ending = entry.path().extension().string();
    const std::string name = entry.path().filename().string();
    const bool is_vocabulary =
        ending == ".tiktoken" || ending == ".model" || ending == ".gguf" || name.starts_with("rwkv_vocab");
    if (is_vocabulary && entry.is_regular_file(ignored)) found.push_back(entry.path());
  }
  if (found.size() == 1) return found[0];
  throw Error(found.empty() ? ErrorCode::not_found : ErrorCode::invalid_argument,
              folder.string() +
                  (found.empty() ? ": the folder has no tokenizer" : ": the folder has several tokenizers") +
                  "; give the file itself (docs/tokenizers.md says which kinds there are)");
}

TokenizerConfig read_config(const fs::path& folder) {
  TokenizerConfig config;
  const auto read = [&](const char* name, void (TokenizerConfig::*reader)(std::string_view, const std::string&)) {
    const fs::path path = folder / name;
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) return;
    const MappedFile file(path.string());
    (config.*reader)(text_of(file), path.string());
  };
  read("special_tokens_map.json", &TokenizerConfig::read_special_tokens_map);
  read("tokenizer_config.json", &TokenizerConfig::read_tokenizer_config);
  read("generation_config.json", &TokenizerConfig::read_generation_config);
  return config;
}

void apply_config(const TokenizerConfig& config, const fs::path& vocabulary, TokenizerDescription& description) {
  if (config.do_lower_case() && vocabulary.filename() == "vocab.txt") {
    description.normalizer["lowercase"] = *config.do_lower_case();
  }
  config.apply(description);
}

}  // namespace

std::shared_ptr<const Tokenizer> load_tokenizer_file(const std::string& path, const TokenizerOptions& options) {
  if (auto tokenizer = load_whole(path, nullptr, options)) return tokenizer;
  return build_tokenizer(load_description(path).description, options);
}

std::shared_ptr<const Tokenizer> load_tokenizer_folder(const std::string& folder, const TokenizerOptions& options) {
  const fs::path path = find_vocabulary(folder);
  const TokenizerConfig config = read_config(folder);
  if (auto tokenizer = load_whole(path.string(), &config, options)) return tokenizer;
  Loaded loaded = load_description(path);
  apply_config(config, path, loaded.description);
  return build_tokenizer(std::move(loaded.description), options);
}

std::string tokenizer_as_json(const std::string& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const fs::path vocabulary = is_folder ? find_vocabulary(path) : fs::path(path);
  if (text_of(MappedFile(vocabulary.string())).starts_with("GGUF")) {
    const GgufFile file(vocabulary.string());
    return write_tokenizer_json(describe_gguf(file));
  }
  Loaded loaded = load_description(vocabulary);
  if (is_folder) apply_config(read_config(path), vocabulary, loaded.description);
  return write_tokenizer_json(loaded.description);
}

}  // namespace tidemill
