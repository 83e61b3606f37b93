// Smaller models: weights at 2 to 8 bits, with what that loses measured.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/dtype.h"

namespace tidemill {

enum class QuantizeMethod : uint8_t {
  rtn,   // round-to-nearest
  awq,   // scales by activations, folded into what gives them: Lin et al. 2023, arXiv:2306.00978
  gptq,  // error feedback: Frantar et al. 2022, arXiv:2210.17323
  best,  // error feedback and descent, each matrix in the format that the model suffers least from
};

// How a folder in Hugging Face's layout holds matrices in groups of inputs, and who reads that.
enum class GroupLayout : uint8_t {
  awq,                 // AutoAWQ's "gemm", 4 bits: vLLM, transformers
  gptq,                // AutoGPTQ, GPTQModel; 2, 3, 4 and 8 bits
  gptq_v2,             // the same, with zeros as they are
  compressed_tensors,  // llm-compressor's "pack-quantized", 2 to 8 bits
};

// By the names that users give; nothing for others.
std::optional<QuantizeMethod> quantize_method_from_name(std::string_view name);
std::optional<GroupLayout> group_layout_from_name(std::string_view name);
inline constexpr std::string_view kQuantizeMethodNames = "rtn, awq, gptq or best";
inline constexpr std::string_view kGroupLayoutNames = "awq, gptq, gptq_v2 or compressed-tensors";

struct QuantizeOptions {
  QuantizeMethod method = QuantizeMethod::rtn;
  // Of a weight: 2, 3, 4, 5, 6 or 8, scales come on top; of the best method those of the whole model, scales and
  // vectors included, any number.
  double bits = 4;
  // Weights that share a scale.  Of a GGUF 32 (4, 5 and 8 bits), of a .tmill 128 as well (2 to 4 bits), of a folder any
  // that rows are whole groups of, -1 for whole rows; 0: the best of the format, which is super-blocks of 256 where
  // rows have whole ones, in a folder 128.
  int64_t group_size = 0;
  bool is_symmetric = false;  // with a group size: scales without a minimum, or a zero
  // Of a folder with gptq or best: inputs are taken, and grouped, in the order of how large they are.
  bool is_ordered = false;
  std::optional<GroupLayout> layout = {};  // of a folder; compressed_tensors where none is given
  std::optional<DType> type = {};          // exactly this block format, whatever bits and group_size say
  bool keeps_range = false;                // scales hold every weight, instead of being searched for the least error
  std::string calibration = {};            // a text like those that the model will read; only rtn needs none
  std::string eval = {};                   // a text to compare the models on; empty: they are not compared
  // A folder for what is finished, so that the same call goes on from there after it was ended, whenever that was, and
  // comes to the same bytes; it is removed at the end.  Empty: nothing is kept.
  std::string work_folder = {};
  int threads = 0;  // 0: one per processor that this process may use
  // Called on the caller's thread with a share in [0, 1] that grows; false ends the work with Error(cancelled).
  std::function<bool(double share)> on_progress = {};
};

// A matrix of the new model.
struct QuantizedTensor {
  std::string name;    // "blk.0.attn_q.weight"
  std::string format;  // "q4_k", of groups "w4_g128"
  int64_t n_weights = 0;
  // Sum of the squared errors over the sum of squares: of the outputs for the calibration text, or of the weights.
  double relative_error = 0;
};

// What changed of a model's answers.
struct QuantizeLoss {
  // The mean over what was compared of the Kullback-Leibler divergence of the next token in nats, or, of an encoder, of
  // 1 - cosine of the means of hidden states.
  double divergence = 0;
  bool is_cosine = false;
  double perplexity_before = 0, perplexity_after = 0;  // of a decoder
  int64_t n_answers = 0;
};

struct QuantizeReport {
  std::string format;  // "gguf", "tmill", "folder"
  std::vector<QuantizedTensor> tensors;
  int64_t n_weights = 0;       // of the whole model, vectors included
  int64_t n_weight_bytes = 0;  // of them in the file, scales included
  int64_t n_bytes = 0;         // of the data of the file, in which a .tmill has its tokenizer, too
  double seconds = 0;          // without the comparison
  std::optional<QuantizeLoss> loss = {};

  double bits_per_weight() const {
    return n_weights > 0 ? 8.0 * static_cast<double>(n_weight_bytes) / static_cast<double>(n_weights) : 0;
  }
};

// Writes `model`, whatever an engine loads but graphs, as `out`: NAME.gguf, which llama.cpp opens, too, NAME.tmill, or
// a folder, NAME/, that does not exist yet or is empty, which tools of Hugging Face's open. A model that is quantised
// already is dequantised first.  `out` appears, or is replaced, only once it is whole. Codes wait
// in a file without a name beside it.  Throws invalid_argument for a name or an option that makes no sense and for a
// calibration text that is too short, saying how much is needed, unsupported for a model that the format has no words
// for, bad_file for weights that are NaN or infinite, what loading the model throws, io for a full disk, cancelled.
QuantizeReport quantize_model(const std::string& model, const std::string& out, const QuantizeOptions& options = {});

}  // namespace tidemill
