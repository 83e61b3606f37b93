#include "tidemill/model_info.h"

#include "api/classifier_head.h"
#include "api/memory_plan.h"
#include "api/model_file.h"
#include "api/sentence_modules.h"
#include "models/registry.h"
#include "tidemill/model_store.h"

namespace tidemill {
namespace {

void describe_tensors(const Weights& weights, ModelInfo& result) {
  for (const std::string& name : weights.names()) {
    const Tensor tensor = *weights.find(name);
    result.tensors.push_back(
        {.name = name, .dtype = tensor.dtype(), .shape = tensor.shape(), .size_bytes = tensor.size_bytes()});
    result.n_parameters += tensor.n_elements();
  }
}

// Whether this build can run the model, and what that takes.
void describe_running(const ModelFile& file, int64_t context_length, int64_t batch, ModelInfo& result) {
  try {
    const auto model = make_model(file.source());
    if (file.makes_vectors()) model->use_as_encoder();
    result.vocab_size = model->config().vocab_size;
    result.context_length = model->config().context_length;
    const int64_t length = context_length > 0 ? context_length : result.context_length;
    result.memory = plan_memory(*model, length, batch, state_dtype_of(*model, "auto", DType::f16));
    result.memory.tokenizer = plan_tokenizer(file.tokenizer_kind(), result.vocab_size);
    result.is_encoder = model->config().is_encoder;
    result.is_reranker = result.is_encoder && has_ranking_head(file.weights());
    result.runnable = true;
  } catch (const Error& error) {
    result.why_not_runnable = error.what();
  }
}

}  // namespace

ModelInfo inspect_model(const std::string& model, int64_t context_length, int64_t batch) {
  const std::string path = resolve_model(model);
  const auto file = open_model_file(path);
  ModelInfo result;
  result.path = path;
  result.format = file->format();
  result.name = file->name();
  result.architecture = file->architecture();
  result.file_bytes = file->file_bytes();
  result.metadata = file->metadata();
  result.tokenizer = file->tokenizer_kind();
  describe_tensors(file->weights(), result);
  describe_running(*file, context_length, batch, result);
  return result;
}

}  // namespace tidemill
