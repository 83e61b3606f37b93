#include "api/tensor_stream.h"

#include <utility>

#include "tidemill/error.h"

namespace tidemill {

SafetensorSpec safetensor_spec(std::string name, DType dtype, const Shape& shape) {
  SafetensorSpec spec{std::move(name), safetensors_type(dtype), {}};
  for (const int64_t dim : shape.dims()) spec.dims.push_back(static_cast<uint64_t>(dim));
  return spec;
}

StreamedTensor bytes_tensor(std::string name, std::span<const std::byte> bytes) {
  return {{std::move(name), safetensors_type(DType::u8), {bytes.size()}}, {.bytes = bytes}};
}

int64_t write_tensors(const std::string& path, const std::vector<StreamedTensor>& tensors,
                      const SafetensorsMetadata& metadata, ThreadPool& pool,
                      const std::function<bool(double share)>& on_progress) {
  std::vector<SafetensorSpec> specs;
  int64_t n_total = 0, n_done = 0;
  for (const StreamedTensor& tensor : tensors) {
    specs.push_back(tensor.spec);
    n_total += tensor.source.size_bytes();
  }
  SafetensorsWriter writer(path, std::move(specs), metadata);
  const auto progress = [&](int64_t n_bytes) {
    n_done += n_bytes;
    const double share = static_cast<double>(n_done) / static_cast<double>(n_total);
    if (on_progress && !on_progress(share)) throw Error(ErrorCode::cancelled, path + ": interrupted; nothing is kept");
  };
  BytePipeline pipeline(pool, [&](std::span<const std::byte> piece) { writer.write(piece); }, progress);
  for (const StreamedTensor& tensor : tensors) pipeline.write(tensor.source);
  pipeline.finish();
  writer.finish();
  return n_total;
}

}  // namespace tidemill
