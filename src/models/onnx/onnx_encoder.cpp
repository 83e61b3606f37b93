#include "models/onnx/onnx_encoder.h"

#include "models/encoder_config.h"
#include "models/json_config.h"
#include "models/onnx/graph_encoder.h"
#include "models/onnx/outline.h"
#include "models/onnx/recognized.h"

namespace tidemill {
namespace {

// Where neither the graph nor a configuration beside it says how long texts may be.
constexpr int64_t kUsualContext = 512;

// As a config.json beside the file says.
int64_t context_of_config(const ModelSource& source) {
  if (source.config == nullptr || !source.config->is_object()) return kUsualContext;
  const JsonConfig get = json_config(source);
  for (const char* const field : {"max_position_embeddings", "n_positions"}) {
    if (get.has(field)) return get.count(field, EncoderLimits::kContext);
  }
  return kUsualContext;
}

}  // namespace

std::unique_ptr<Model> make_onnx_encoder(const ModelSource& source) {
  const onnx::Outline outline = onnx::outline_of(source.onnx);
  const int64_t context_length = context_of_config(source);
  if (auto known = onnx::recognize(source.onnx, outline, context_length)) return known;
  return onnx::make_graph_encoder(source.onnx, outline, context_length);
}

}  // namespace tidemill
