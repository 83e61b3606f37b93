// Where models keep their chat templates: metadata of GGUF files, and files of Hugging Face folders.  What is found is
// what `transformers` would use: chat_template.jinja before tokenizer_config.json before chat_template.json; of named
// templates "default", and "tool_use" when there are tools.

#include "tidemill/chat_template.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/model_file.h"
#include "api/sentence_files.h"
#include "formats/gguf.h"
#include "sys/mapped_file.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMaxJsonBytes = 32 << 20;  // the largest published tokenizer_config.json has 2 MiB

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::bad_file, path + ": " + why);
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// The templates of a model by name, and what else they need.
struct Found {
  std::optional<std::string> plain, with_tools;
  std::string plain_name, with_tools_name;  // for messages
  ChatTemplate::SpecialTokens special_tokens;

  // Takes a template of this name, unless an earlier place had one.
  void add(std::string_view name, std::string_view source, const std::string& place) {
    if (name == "default" && !plain) {
      plain = source;
      plain_name = place;
    } else if (name == "tool_use" && !with_tools) {
      with_tools = source;
      with_tools_name = place;
    }
  }
  void add_token(const std::string& name, const std::string& text) {
    for (const auto& known : special_tokens)
      if (known.first == name) return;
    special_tokens.emplace_back(name, text);
  }
};

json parse_object(std::string_view text, const std::string& path) {
  if (text.size() > kMaxJsonBytes) fail(path, "longer than 32 MiB; is it the right file?");
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) fail(path, "is not a JSON object; fetch it again");
  return parsed;
}

// "chat_template": one template, or a list of {"name": ..., "template": ...}.
void add_templates(Found& found, const json& object, const std::string& path) {
  const auto entry = object.find("chat_template");
  if (entry == object.end() || entry->is_null()) return;
  const std::string place = path + ": chat_template";
  if (entry->is_string()) return found.add("default", entry->get_ref<const std::string&>(), place);
  if (!entry->is_array()) fail(path, "\"chat_template\" is neither a text nor a list; fetch the file again");
  for (const json& named : *entry) {
    const bool valid = named.is_object() && named.contains("name") && named["name"].is_string() &&
                       named.contains("template") && named["template"].is_string();
    if (!valid) fail(path, "\"chat_template\" has an entry without \"name\" and \"template\"; fetch the file again");
    const auto& name = named["name"].get_ref<const std::string&>();
    found.add(name, named["template"].get_ref<const std::string&>(), path + ": chat_template '" + name + "'");
  }
}

// "bos_token" and its like: a text, or an object with it as "content".
void add_special_tokens(Found& found, const json& object) {
  for (const auto& [key, value] : object.items()) {
    if (!key.ends_with("_token")) continue;
    const json& text = value.is_object() && value.contains("content") ? value["content"] : value;
    if (text.is_string()) found.add_token(key, text.get<std::string>());
  }
}

void add_jinja_file(Found& found, std::string_view template_name, const CompanionFiles& files, const char* name) {
  if (files.contains(name)) found.add(template_name, files.text(name), files.path(name));
}

Found search_files(const CompanionFiles& files) {
  Found found;
  add_jinja_file(found, "default", files, "chat_template.jinja");
  add_jinja_file(found, "tool_use", files, "additional_chat_templates/tool_use.jinja");
  const bool has_jinja_files = found.plain.has_value();  // they replace what the configuration says
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "chat_template.json"}) {
    if (!files.contains(name)) continue;
    const json object = parse_object(files.text(name), files.path(name));
    if (!has_jinja_files) add_templates(found, object, files.path(name));
    add_special_tokens(found, object);
  }
  return found;
}

// Special tokens stand in the metadata as ids.
void add_gguf_tokens(Found& found, const GgufFile& file) {
  const StringList* tokens = file.strings("tokenizer.ggml.tokens");
  if (tokens == nullptr) return;
  constexpr std::pair<const char*, const char*> kTokens[] = {
      {"bos_token", "bos_token_id"},       {"eos_token", "eos_token_id"},     {"unk_token", "unknown_token_id"},
      {"sep_token", "seperator_token_id"}, {"pad_token", "padding_token_id"}, {"cls_token", "cls_token_id"},
      {"mask_token", "mask_token_id"}};
  for (const auto& [name, key] : kTokens) {
    const std::optional<int64_t> id = file.integer(std::string("tokenizer.ggml.") + key);
    if (id && *id >= 0 && *id < static_cast<int64_t>(tokens->size()))
      found.add_token(name, std::string((*tokens)[static_cast<size_t>(*id)]));
  }
}

Found search_gguf(const GgufFile& file) {
  const std::string& path = file.path();
  Found found;
  const std::string key = "tokenizer.chat_template";
  if (const auto source = file.string(key)) found.add("default", *source, path + ": " + key);
  if (const auto source = file.string(key + ".tool_use"))
    found.add("tool_use", *source, path + ": " + key + ".tool_use");
  add_gguf_tokens(found, file);
  return found;
}

Found search_tmill(const TmillFile& file) {
  const auto gguf = file.file(kTmillGgufFile);
  return gguf ? search_gguf(GgufFile::from_memory(*gguf, file.path())) : search_files(PackedFiles(file));
}

Found search(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return search_files(model_files(path));
  if (path.ends_with(kTmillEnding)) return search_tmill(TmillFile(path));
  Found found;
  if (path.ends_with(".json")) {
    const json object = parse_object(text_of(MappedFile(path)), path);
    add_templates(found, object, path);
    add_special_tokens(found, object);
    return found;
  }
  const MappedFile file(path);
  if (text_of(file).starts_with("GGUF")) return search_gguf(GgufFile(path));
  found.add("default", text_of(file), path);
  return found;
}

ChatTemplate plain(const Found& found, const std::string& path) {
  if (!found.plain) fail(path, "has no chat template; give one by --template, or use a model that was tuned to chat");
  return ChatTemplate(*found.plain, found.plain_name, found.special_tokens);
}

std::optional<ChatTemplate> with_tools(const Found& found) {
  if (!found.with_tools) return std::nullopt;
  return ChatTemplate(*found.with_tools, found.with_tools_name, found.special_tokens);
}

Found search(const ModelFile& file) {
  if (const GgufFile* const gguf = file.source().gguf) return search_gguf(*gguf);
  const auto files = file.companions();
  return files ? search_files(*files) : Found();
}

}  // namespace

ChatTemplate ChatTemplate::joined(ChatTemplate plain, const std::optional<ChatTemplate>& with_tools) {
  if (with_tools) plain.with_tools_ = with_tools->parsed_;
  return plain;
}

ChatTemplate ChatTemplate::from_file(const std::string& path) {
  const Found found = search(path);
  return joined(plain(found, path), with_tools(found));
}

ChatTemplate ChatTemplate::from_model(const ModelFile& file) {
  const Found found = search(file);
  return joined(plain(found, file.weights().path()), with_tools(found));
}

}  // namespace tidemill
