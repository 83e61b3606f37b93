// A model as it lies on disk: a GGUF file, a folder as Hugging Face lays it out, a .tmill or an ONNX file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/companion_files.h"
#include "api/sentence_modules.h"
#include "formats/model_folder.h"
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
  virtual std::shared_ptr<const Tokenizer> load_tokenizer(const TokenizerOptions& options) const = 0;

  // Whether the files say how texts become vectors: then that is what the model is for.
  virtual bool makes_vectors() const = 0;
  // How they do; `d_model` is the size of the model's hidden states.  Throws bad_file naming the file and field, and
  // unsupported.
  virtual SentenceModules sentence_modules(int64_t d_model) const = 0;

  // The files that came with the weights, of a folder.
  virtual std::unique_ptr<CompanionFiles> companions() const { return nullptr; }

  // For `info`.
  virtual std::string format() const = 0;                                         // "gguf v3", "safetensors"
  virtual std::string name() const = 0;                                           // as the file says; may be empty
  virtual std::string architecture() const = 0;                                   // likewise
  virtual std::string tokenizer_kind() const = 0;                                 // likewise
  virtual std::vector<std::pair<std::string, std::string>> metadata() const = 0;  // key, value as text; long ones cut
  virtual int64_t file_bytes() const = 0;
};

// A metadata value or a whole text as `info` shows it: long ones cut.
std::string shown_value(const MetaValue& value);
std::string shown_json(const nlohmann::json& value);
// What a config.json calls the architecture; empty when it does not say.
std::string architecture_of(const nlohmann::json& config);

// Opens the file or folder at `path`; of a .safetensors file the folder that it is in, of a folder without such files
// its ONNX file.  Throws not_found and bad_file.
std::unique_ptr<ModelFile> open_model_file(const std::string& path);

// The model that the metadata of `file` describe, with `weights` in the place of its tensors; both are of as many
// bytes.
std::unique_ptr<ModelFile> gguf_model(GgufFile file, std::unique_ptr<Weights> weights, int64_t file_bytes);
// The model that the folder at `path` describes, with the configurations and weights of `folder`.
std::unique_ptr<ModelFile> folder_model(const std::string& path, ModelFolder folder);

}  // namespace tidemill
