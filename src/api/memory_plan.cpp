#include "api/memory_plan.h"

#include <algorithm>
#include <string>

#include "runtime/encoder_runner.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

constexpr int64_t kShortestDefaultContext = 2048;
constexpr int64_t kBytesPerToken = 120;  // of a vocabulary and what finds tokens in it; measured with Gemma's 262,144

std::string megabytes(int64_t bytes) {
  return std::to_string((bytes + 999'999) / 1'000'000) + " MB";
}

}  // namespace

MemoryNeed plan_memory(Model& model, int64_t context_length, int64_t batch, DType state_dtype, Runner::Limits limits) {
  const StateSpec spec = model.state_spec();
  MemoryNeed need{.context_length = context_length, .batch = batch};
  model.visit_params([&](std::string_view, Tensor& weight, WeightRole) { need.weights += weight.size_bytes(); });
  need.state = batch * spec.size_bytes(context_length, state_dtype, limits.max_batch_tokens);
  need.activations = model.config().is_encoder ? EncoderRunner::plan_bytes(model, context_length)
                                               : Runner::plan_bytes(model, spec, state_dtype, limits);
  return need;
}

int64_t plan_tokenizer(const std::string& kind, int64_t vocab_size) {
  return kind.empty() || kind == "no_vocab" ? 0 : vocab_size * kBytesPerToken;
}

DType state_dtype_of(Model& model, const std::string& wanted, DType preferred) {
  if (wanted == "f32") return DType::f32;
  if (wanted == "f16") return DType::f16;
  if (wanted == "int8") {
    for (const LayerStateSpec& layer : model.state_spec().layers) {
      if (layer.kv_width % info(DType::q8_0).block_length == 0) continue;
      throw Error(ErrorCode::unsupported, "--state int8: keys of " + std::to_string(layer.kv_width) +
                                              " numbers are not whole blocks of 32; use f16");
    }
    return DType::q8_0;
  }
  if (wanted != "auto")
    throw Error(ErrorCode::invalid_argument, "--state: '" + wanted + "' is none of auto, f32, f16 and int8");
  bool is_f32 = true;
  model.visit_params([&](std::string_view, Tensor& weight, WeightRole role) {
    is_f32 = is_f32 && (role == WeightRole::vector || weight.dtype() == DType::f32);
  });
  return is_f32 ? DType::f32 : preferred;
}

int64_t choose_context_length(const std::string& path, Model& model, int64_t wanted, DType state_dtype,
                              int64_t other_bytes) {
  const int64_t longest = model.config().context_length;
  if (wanted < 0 || wanted > longest)
    throw Error(ErrorCode::invalid_argument, "context length " + std::to_string(wanted) + ": this model takes 1 to " +
                                                 std::to_string(longest) + " positions");
  int64_t length = wanted > 0 ? wanted : longest;
  const int64_t available = available_memory_bytes();
  const auto need = [&] { return plan_memory(model, length, 1, state_dtype).total() + other_bytes; };
  if (available <= 0) return length;
  while (wanted == 0 && length > kShortestDefaultContext && need() > available)
    length = std::max(kShortestDefaultContext, length / 2);
  if (need() > available)
    throw Error(ErrorCode::out_of_memory, path + ": needs " + megabytes(need()) + " at a context of " +
                                              std::to_string(length) + ", " + megabytes(available) +
                                              " are free; use a shorter context (--ctx) or a smaller model");
  return length;
}

}  // namespace tidemill
