#include "models/text_part.h"

#include <functional>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr std::string_view kSection = "text_config";

// A tensor's name in a folder of text alone; nothing for one of the part that sees.
std::optional<std::string> text_name(std::string_view name) {
  constexpr std::string_view kFirst = "language_model.";        // before transformers 4.52
  constexpr std::string_view kLater = "model.language_model.";  // in place of "model."
  if (name.starts_with(kFirst)) return std::string(name.substr(kFirst.size()));
  if (name.starts_with(kLater)) return "model." + std::string(name.substr(kLater.size()));
  if (name.starts_with("lm_head.")) return std::string(name);
  return {};
}

}  // namespace

bool has_text_part(const ModelSource& source) {
  return source.config != nullptr && source.config->contains(kSection);
}

TextPart::TextPart(const ModelSource& source, const nlohmann::json& defaults)
    : weights_(source.weights), config_path_(source.config_path + ", " + std::string(kSection)), config_(defaults) {
  const nlohmann::json& section = source.config->at(kSection);
  if (!section.is_object())
    throw Error(ErrorCode::bad_file, config_path_ + ": is no object; the file is damaged or not a model");
  for (const auto& [name, value] : section.items())
    if (!value.is_null()) config_[name] = value;
  if (weights_.is_packed()) return;
  for (const std::string& name : weights_.names())
    if (auto text = text_name(name)) names_.emplace(*std::move(text), name);
}

std::vector<std::string> TextPart::names() const {
  if (weights_.is_packed()) return weights_.names();
  std::vector<std::string> result;
  for (const auto& [text, name] : names_) result.push_back(text);
  return result;
}

std::optional<Tensor> TextPart::find(std::string_view name) const {
  if (weights_.is_packed()) return weights_.find(name);
  const auto found = names_.find(name);
  return found == names_.end() ? std::nullopt : weights_.find(found->second);
}

}  // namespace tidemill
