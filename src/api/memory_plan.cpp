#include "api/memory_plan.h"

#include <algorithm>
#include <string>

#include "tidemill/system.h"

namespace tidemill {
namespace {

constexpr int64_t kShortestDefaultContext = 2048;

std::string megabytes(int64_t bytes) {
  return std::to_string((bytes + 999'999) / 1'000'000) + " MB";
}

}  // namespace

MemoryNeed plan_memory(const GgufFile& file, const Model& model, int64_t context_length, int64_t batch,
                       DType state_dtype, Runner::Limits limits) {
  const StateSpec spec = model.state_spec();
  MemoryNeed need{.context_length = context_length, .batch = batch};
  for (const std::string& name : file.names()) need.weights += file.find(name)->size_bytes();
  need.state = batch * spec.size_bytes(context_length, state_dtype);
  need.activations = Runner::plan_bytes(model, spec, state_dtype, limits);
  return need;
}

int64_t choose_context_length(const GgufFile& file, const Model& model, int64_t wanted, DType state_dtype) {
  const int64_t longest = model.config().context_length;
  if (wanted < 0 || wanted > longest)
    throw Error(ErrorCode::invalid_argument, "context length " + std::to_string(wanted) + ": this model takes 1 to " +
                                                 std::to_string(longest) + " positions");
  int64_t length = wanted > 0 ? wanted : longest;
  const int64_t available = available_memory_bytes();
  const auto need = [&] { return plan_memory(file, model, length, 1, state_dtype).total(); };
  if (available <= 0) return length;
  while (wanted == 0 && length > kShortestDefaultContext && need() > available)
    length = std::max(kShortestDefaultContext, length / 2);
  if (need() > available)
    throw Error(ErrorCode::out_of_memory, file.path() + ": needs " + megabytes(need()) + " at a context of " +
                                              std::to_string(length) + ", " + megabytes(available) +
                                              " are free; use a shorter context (--ctx) or a smaller model");
  return length;
}

}  // namespace tidemill
