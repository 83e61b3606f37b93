// A model as it lies on disk: a GGUF file, or a folder as Hugging Face lays it out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "formats/weights.h"
#include "models/source.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

// Immutable; any number of threads may use it.  What it gives refers to it.
class ModelFile {
 public:
  virtual ~ModelFile() = default;

  virtual ModelSource source() const = 0;
  const Weights& weights() const { return source().weights; }
  // Null when there is none.  Throws what its reader throws.
  virtual std::shared_ptr<const Tokenizer> load_tokenizer() const = 0;

  // For `info`.
  virtual std::string format() const = 0;                                         // "gguf v3", "safetensors"
  virtual std::string name() const = 0;                                           // as the file says; may be empty
  virtual std::string architecture() const = 0;                                   // likewise
  virtual std::string tokenizer_kind() const = 0;                                 // likewise
  virtual std::vector<std::pair<std::string, std::string>> metadata() const = 0;  // key, value as text; long ones cut
  virtual int64_t file_bytes() const = 0;
};

// Opens the file or folder at `path`; of a .safetensors file the folder that it is in.  Throws not_found and bad_file.
std::unique_ptr<ModelFile> open_model_file(const std::string& path);

}  // namespace tidemill
