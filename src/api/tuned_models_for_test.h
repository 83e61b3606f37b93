// Fine-tunes of tiny models, made by rule: other numbers in some tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "sys/test_folder.h"
#include "tidemill/delta.h"

namespace tidemill {

// Changes bits of a tensor's numbers by some per cent of them; of codes the last of each block.
inline void nudge(const Tensor& tensor) {
  const DTypeInfo& element = info(tensor.dtype());
  auto* const bytes = tensor.as<std::byte>();
  for (int64_t begin = 0; begin < tensor.size_bytes(); begin += element.block_bytes) {
    // Of floats the high half of the mantissa, which the last byte but one of f32 and the last of others touch.
    const int64_t at = tensor.dtype() == DType::f32    ? begin + 2
                       : tensor.dtype() == DType::bf16 ? begin
                                                       : begin + element.block_bytes - 1;
    const int bit = tensor.dtype() == DType::f32 ? 0x30 : tensor.dtype() == DType::bf16 ? 0x03 : 0x01;
    bytes[at] ^= static_cast<std::byte>(bit);
  }
}

// The file's content with the tensors changed whose position, of all, leaves `rest` when divided by `every`.
template <typename File>
std::string tuned_content(const std::string& path, size_t every, size_t rest) {
  std::ifstream file(path, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(file), {});
  const File tensors = File::from_memory(std::as_bytes(std::span(content)), path);
  const auto names = tensors.names();
  for (size_t index = 0; index < names.size(); ++index)
    if (index % every == rest) nudge(*tensors.find(names[index]));
  return content;
}

// A base, a fine-tune of it and the delta between them.
struct TunedModel {
  std::string tuned, delta;
};

// Of a folder with model.safetensors and config.json, or of a GGUF; the files go to `folder`.
inline TunedModel tuned_model(const TestFolder& folder, const std::string& base, const std::string& name, size_t every,
                              size_t rest) {
  namespace fs = std::filesystem;
  TunedModel made{.tuned = folder.path(name), .delta = folder.path(name + ".tmdelta")};
  if (fs::is_directory(base)) {
    fs::create_directory(made.tuned);
    fs::copy(base + "/config.json", made.tuned + "/config.json");
    folder.write(name + "/model.safetensors", tuned_content<SafetensorsFile>(base + "/model.safetensors", every, rest));
  } else {
    made.tuned = folder.write(name + ".gguf", tuned_content<GgufFile>(base, every, rest));
  }
  make_delta(base, made.tuned, made.delta, {.threads = 1});
  return made;
}

// A copy of a golden model's folder without the truth beside it.
inline std::string bare_model(const TestFolder& folder, const std::string& model) {
  namespace fs = std::filesystem;
  const std::string path = folder.path("base");
  fs::create_directory(path);
  for (const char* const name : {"/config.json", "/model.safetensors"}) fs::copy(model + name, path + name);
  return path;
}

}  // namespace tidemill
