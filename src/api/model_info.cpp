#include "tidemill/model_info.h"

#include <cstdio>
#include <filesystem>

#include "api/gguf_tokenizer.h"
#include "api/memory_plan.h"
#include "formats/gguf.h"
#include "models/registry.h"
#include "tidemill/model_store.h"

namespace tidemill {
namespace {

constexpr size_t kLongestValue = 200;  // bytes of a metadata value that are shown

// A metadata value as text: strings as they are (cut), arrays by their length and kind.
struct ToText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(uint64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
  }
  std::string operator()(std::string_view value) const { return printable(std::string(value), kLongestValue); }
  std::string operator()(const StringList& list) const { return "[" + std::to_string(list.size()) + " strings]"; }
  std::string operator()(const NumberArray& list) const {
    return "[" + std::to_string(list.size()) + " x " + std::string(to_string(list.type)) + "]";
  }
};

void describe_tensors(const GgufFile& file, ModelInfo& result) {
  for (const std::string& name : file.names()) {
    const Tensor tensor = *file.find(name);
    result.tensors.push_back(
        {.name = name, .dtype = tensor.dtype(), .shape = tensor.shape(), .size_bytes = tensor.size_bytes()});
    result.n_parameters += tensor.n_elements();
  }
}

void describe_tokenizer(const GgufFile& file, ModelInfo& result) {
  result.tokenizer = std::string(file.string("tokenizer.ggml.model").value_or(""));
  if (const StringList* tokens = file.strings("tokenizer.ggml.tokens"))
    result.vocab_size = static_cast<int64_t>(tokens->size());
}

// Whether this build can run the model, and what that takes.
void describe_running(const GgufFile& file, int64_t context_length, int64_t batch, ModelInfo& result) {
  try {
    const auto model = make_model(file);
    result.context_length = model->config().context_length;
    const int64_t length = context_length > 0 ? context_length : result.context_length;
    result.memory = plan_memory(file, *model, length, batch, DType::f16);
    result.runnable = true;
  } catch (const Error& error) {
    result.why_not_runnable = error.what();
  }
}

}  // namespace

ModelInfo inspect_model(const std::string& model, int64_t context_length, int64_t batch) {
  const std::string path = resolve_model(model);
  const GgufFile file(path);
  ModelInfo result;
  result.path = path;
  result.format = "gguf v" + std::to_string(file.version());
  result.name = std::string(file.string("general.name").value_or(""));
  result.architecture = std::string(file.string("general.architecture").value_or(""));
  result.file_bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  for (const auto& [key, value] : file.metadata()) result.metadata.emplace_back(key, std::visit(ToText{}, value));
  describe_tensors(file, result);
  describe_tokenizer(file, result);
  describe_running(file, context_length, batch, result);
  return result;
}

}  // namespace tidemill
