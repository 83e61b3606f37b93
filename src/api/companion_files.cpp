#include "api/companion_files.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfigName = "config.json";

// Files of a folder that the model needs once the weights are there.
constexpr std::array<const char*, 10> kKeptFiles = {"tokenizer.json",
                                                    "tokenizer_config.json",
                                                    "special_tokens_map.json",
                                                    "generation_config.json",
                                                    "vocab.json",
                                                    "merges.txt",
                                                    "vocab.txt",
                                                    "chat_template.jinja",
                                                    "chat_template.json",
                                                    "additional_chat_templates/tool_use.jinja"};

}  // namespace

std::vector<std::string> kept_files(const CompanionFiles& files) {
  std::vector<std::string> names;
  for (const char* const name : kKeptFiles) {
    if (files.contains(name)) names.emplace_back(name);
  }
  if (files.contains("tokenizer.json")) return names;
  for (const std::string& name : files.names()) {
    const bool is_vocabulary =
        name.ends_with(".model") || name.ends_with(".tiktoken") || name.starts_with("rwkv_vocab");
    if (is_vocabulary) names.push_back(name);
  }
  return names;
}

std::vector<std::string> FolderFiles::names() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_.empty() ? "." : folder_, ignored)) {
    if (entry.is_regular_file(ignored)) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

bool FolderFiles::contains(const std::string& name) const {
  std::error_code ignored;
  return fs::is_regular_file(path(name), ignored);
}

std::string_view FolderFiles::text(const std::string& name) const {
  auto found = mapped_.find(name);
  if (found == mapped_.end()) found = mapped_.emplace(name, MappedFile(path(name))).first;
  const auto bytes = found->second.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string FolderFiles::path(const std::string& name) const {
  const fs::path own = fs::path(folder_) / name;
  std::error_code ignored;
  return (second_.empty() || fs::exists(own, ignored) ? own : fs::path(second_) / name).string();
}

bool PackedFiles::contains(const std::string& name) const {
  return name == kConfigName ? file_.config().has_value() : file_.file(name).has_value();
}

std::string_view PackedFiles::text(const std::string& name) const {
  if (name == kConfigName) return file_.config().value_or("");
  const auto bytes = file_.file(name).value_or(std::span<const std::byte>());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tidemill
