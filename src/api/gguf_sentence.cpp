#include "api/gguf_sentence.h"

#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

std::string pooling_key(const GgufFile& file) {
  return std::string(file.string("general.architecture").value_or("")) + ".pooling_type";
}

// By llama.cpp's numbers.
bool is_pooling(int64_t type) {
  return type >= 1 && type <= 3;
}

// llama.cpp's: layers after the pooling, without biases and activations.
void read_gguf_denses(const GgufFile& file, int64_t d_model, SentenceModules& modules) {
  for (const char* name : {"dense_2.weight", "dense_3.weight"}) {
    const auto tensor = file.find(name);
    if (!tensor) continue;
    const int64_t n_in = modules.dimensions(d_model);
    const bool fits = tensor->shape().rank() == 2 && tensor->dim(1) == n_in && tensor->dim(0) <= kMostDenseFeatures;
    if (!fits)
      throw Error(ErrorCode::bad_file, file.path() + ": " + name + " does not take the " + std::to_string(n_in) +
                                           " numbers before it; fetch the model again");
    Dense dense;
    dense.n_in = n_in;
    dense.n_out = tensor->dim(0);
    dense.weight = to_floats(*tensor);
    modules.denses.push_back(std::move(dense));
  }
}

}  // namespace

bool makes_vectors(const GgufFile& file) {
  return is_pooling(file.integer(pooling_key(file)).value_or(0));
}

SentenceModules sentence_modules_of(const GgufFile& file, int64_t d_model) {
  const std::string key = pooling_key(file);
  SentenceModules modules{.is_normalized = true};
  read_gguf_denses(file, d_model, modules);
  const int64_t type = file.integer(key).value_or(1);
  if (!is_pooling(type))
    throw Error(ErrorCode::unsupported, file.path() + ": " + key + " is " + std::to_string(type) +
                                            "; 1 (mean), 2 (first token) and 3 (last token) make vectors");
  constexpr Pooling kPoolings[] = {Pooling::mean, Pooling::cls, Pooling::last};
  modules.poolings = {kPoolings[type - 1]};
  return modules;
}

}  // namespace tidemill
