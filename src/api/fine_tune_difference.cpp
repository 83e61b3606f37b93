// What keeps a fine-tune from sharing its base's weights and code.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/fine_tune.h"
#include "formats/json_file.h"
#include "formats/wording.h"

namespace tidemill {
namespace {

using nlohmann::json;

// Of a configuration: who wrote it where, and with what; and the chat template, which each fine-tune has of its own.
constexpr const char* kIdleKeys[] = {"_name_or_path", "transformers_version", "torch_dtype",  "dtype",
                                     "use_cache",     "_from_model_config",   "name_or_path", "chat_template"};

json without_idle_keys(json config) {
  if (config.is_object())
    for (const char* const key : kIdleKeys) config.erase(key);
  return config;
}

bool is_idle(std::string_view gguf_key) {
  const bool is_general = gguf_key.starts_with("general.") && gguf_key != "general.architecture";
  return is_general || gguf_key.starts_with("quantize.") || gguf_key.starts_with("tokenizer.chat_template");
}

// The first key that only one of them has, or with another value; empty when there is none.
std::string difference(const GgufFile& base, const GgufFile& tuned) {
  const auto kept = [](const GgufFile& file) {
    std::map<std::string_view, std::span<const std::byte>> entries;
    for (const auto& [key, entry] : file.entries())
      if (!is_idle(key)) entries.emplace(key, entry);
    return entries;
  };
  const auto ours = kept(base), theirs = kept(tuned);
  const auto is_same = [](const auto& a, const auto& b) {
    return a.first == b.first && std::ranges::equal(a.second, b.second);
  };
  const auto [our, their] = std::ranges::mismatch(ours, theirs, is_same);
  if (our == ours.end() && their == theirs.end()) return {};
  const std::string_view key = our != ours.end() ? our->first : their->first;
  return "its metadata differ in " + quoted(key);
}

bool is_same_file(const std::string& name, const CompanionFiles& base, const CompanionFiles& tuned) {
  if (name.find("chat_template") != std::string::npos) return true;
  if (!base.contains(name) || !tuned.contains(name)) return false;
  if (base.text(name) == tuned.text(name)) return true;
  if (!name.ends_with(".json")) return false;
  return without_idle_keys(json::parse(base.text(name), nullptr, false)) ==
         without_idle_keys(json::parse(tuned.text(name), nullptr, false));
}

std::string difference(const ModelFile& base, const ModelFile& tuned) {
  const ModelSource ours = base.source(), theirs = tuned.source();
  if (ours.gguf != nullptr && theirs.gguf != nullptr) return difference(*ours.gguf, *theirs.gguf);
  if (ours.config == nullptr || theirs.config == nullptr) return "it is of another file format";
  if (without_idle_keys(*ours.config) != without_idle_keys(*theirs.config)) return "its config.json is another";
  const auto our_files = base.companions(), their_files = tuned.companions();
  if (!our_files || !their_files) return {};
  std::vector<std::string> names = kept_files(*our_files);
  std::ranges::copy(kept_files(*their_files), std::back_inserter(names));
  for (const std::string& name : names)
    if (!is_same_file(name, *our_files, *their_files)) return "its " + name + " is another";
  return {};
}

}  // namespace

std::string difference_of(const ModelFile& base, const DeltaModelFile& tuned) {
  if (std::string found = difference(base, *tuned.file); !found.empty()) return found;
  const Weights& ours = base.weights();
  std::vector<std::string> our_names = ours.names(), their_names = tuned.weights->names();
  std::ranges::sort(our_names), std::ranges::sort(their_names);
  const auto [our, their] = std::ranges::mismatch(our_names, their_names);
  if (our != our_names.end() || their != their_names.end())
    return "tensor " + quoted(std::string_view(our != our_names.end() ? *our : *their)) + " is in one of them only";
  for (const std::string& name : our_names) {
    const Tensor base_tensor = *ours.find(name), tensor = *tuned.weights->outline(name);
    if (base_tensor.shape() == tensor.shape() && base_tensor.dtype() == tensor.dtype()) continue;
    return "tensor " + quoted(std::string_view(name)) + " is " + std::string(info(tensor.dtype()).name) +
           tensor.shape().to_string() + " and the base's " + std::string(info(base_tensor.dtype()).name) +
           base_tensor.shape().to_string();
  }
  return {};
}

}  // namespace tidemill
