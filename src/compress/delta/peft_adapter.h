// A delta of low rank as a LoRA adapter in the layout of the PEFT library, which many programs load:
// adapter_config.json and adapter_model.safetensors.  huggingface.co/docs/peft, "Checkpoint format".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compress/delta/delta_file.h"

namespace tidemill {

struct WrittenAdapter {
  uint64_t n_modules = 0;
  uint64_t n_bytes = 0;               // of both files
  std::vector<std::string> left_out;  // changed tensors that are not of low rank, which an adapter has no place for
};

// Writes the folder `out`, which appears only when it is whole and must not exist or be empty.  `base_name` is what the
// configuration calls the base: a folder or a name on Hugging Face; empty: nothing.
//
// A weight W [out, in] that the delta makes W + A * B becomes lora_B = A [out, r] and lora_A = B [r, in] with a scale
// of 1.  Embeddings, known by their names, are transposed, as PEFT has them.  Throws unsupported where no tensor is of
// low rank or the model is a GGUF, whose tensors have other names, and what NewFolder and AtomicFile throw.
WrittenAdapter write_peft_adapter(const DeltaFile& delta, const std::string& out, const std::string& base_name);

}  // namespace tidemill
