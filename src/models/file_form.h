// How files of another kind hold a model: what a conversion to them writes.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "models/weight_place.h"
#include "ops/operations.h"

namespace tidemill {

enum class FileKind : uint8_t { gguf, folder, onnx };

// A file that is to be written.
struct FileTarget {
  FileKind kind;
  std::string path;  // for messages

  bool is_gguf() const { return kind == FileKind::gguf; }
  // Throws unsupported: "PATH: WHY; ..."
  [[noreturn]] void fail(const std::string& why) const;
};

struct FileForm {
  std::string architecture;  // general.architecture, or the class in config.json
  // GGUF: keys without "ARCHITECTURE." before them; config.json: all members but `architectures` and those of tokens.
  nlohmann::ordered_json fields = nlohmann::ordered_json::object();
  std::vector<WeightName> names;  // where our weights are found; those that it does not speak of keep our names
  HeadCounts heads;
  // Which rows of attn_q and attn_k rotate together, in the model and in the file.
  RopePairs pairs = RopePairs::halves, pairs_in_file = RopePairs::halves;
  std::vector<std::pair<std::string, std::vector<float>>> tables = {};  // tensors that are part of the configuration
};

}  // namespace tidemill
