#include "api/convert_onnx.h"

#include <algorithm>
#include <vector>

#include "api/byte_pipeline.h"
#include "api/written_source.h"
#include "formats/onnx_writer.h"
#include "models/encoder.h"
#include "models/onnx/encoder_graph.h"
#include "models/registry.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {

ConvertReport write_onnx(const ModelFile& file, const std::string& out, const ConvertOptions& options) {
  if (options.dtype.value_or(DType::f32) != DType::f32)
    throw Error(ErrorCode::invalid_argument, out + ": ONNX is written in f32; leave --dtype out");
  const auto model = make_model(file.source());
  const EncoderConfig* const config = encoder_config_of(*model);
  if (config == nullptr)
    throw Error(ErrorCode::unsupported, out + ": only encoders are written as ONNX; write another format");
  const OnnxBuilder graph = onnx::encoder_graph(*config, out);
  FileForm form;
  form.names = onnx::encoder_graph_names();
  const std::vector<WrittenTensor> tensors = written_weights(*model, form, {FileKind::onnx, out});
  std::vector<OnnxWeight> weights;
  std::vector<ByteSource> sources;
  int64_t n_total = 0, n_done = 0;
  for (const WrittenTensor& tensor : tensors) {
    weights.push_back({tensor.name, tensor.shape});
    sources.push_back(written_source(file.weights(), tensor, DType::f32));
    n_total += sources.back().size_bytes();
  }
  OnnxWriter writer(out, graph, weights);
  const auto progress = [&](int64_t n_bytes) {
    n_done += n_bytes;
    const double share = std::min(1.0, static_cast<double>(n_done) / static_cast<double>(n_total));
    if (options.on_progress && !options.on_progress(share))
      throw Error(ErrorCode::cancelled, out + ": interrupted; nothing is kept");
  };
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_info().n_cores);
  BytePipeline pipeline(pool, [&](std::span<const std::byte> piece) { writer.write(piece); }, progress);
  for (size_t index = 0; index < sources.size(); ++index) {
    pipeline.write({.bytes = std::as_bytes(std::span(writer.head(index)))});
    pipeline.write(sources[index]);
  }
  pipeline.finish();
  writer.finish();
  return {.format = "onnx", .n_tensors = std::ssize(tensors), .n_bytes = n_total};
}

}  // namespace tidemill
