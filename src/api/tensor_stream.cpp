#include "api/tensor_stream.h"

#include <algorithm>
#include <utility>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr size_t kPieceBytes = 8 << 20;

}  // namespace

StreamedTensor bytes_tensor(std::string name, std::span<const std::byte> bytes) {
  return {{std::move(name), safetensors_type(DType::u8), {bytes.size()}},
          [bytes](const ByteSink& sink) { write_pieces(bytes, sink); }};
}

int64_t write_tensors(const std::string& path, const std::vector<StreamedTensor>& tensors,
                      const SafetensorsMetadata& metadata, const std::function<bool(double share)>& on_progress) {
  std::vector<SafetensorSpec> specs;
  uint64_t n_total = 0, n_done = 0;
  for (const StreamedTensor& tensor : tensors) {
    specs.push_back(tensor.spec);
    n_total += tensor.spec.n_bytes();
  }
  SafetensorsWriter writer(path, std::move(specs), metadata);
  const ByteSink sink = [&](std::span<const std::byte> piece) {
    writer.write(piece);
    n_done += piece.size();
    const double share = static_cast<double>(n_done) / static_cast<double>(n_total);
    if (on_progress && !on_progress(share)) throw Error(ErrorCode::cancelled, path + ": interrupted; nothing is kept");
  };
  for (const StreamedTensor& tensor : tensors) tensor.write(sink);
  writer.finish();
  return static_cast<int64_t>(n_total);
}

void write_pieces(std::span<const std::byte> bytes, const ByteSink& sink) {
  for (size_t begin = 0; begin < bytes.size(); begin += kPieceBytes) {
    sink(bytes.subspan(begin, std::min(kPieceBytes, bytes.size() - begin)));
  }
}

}  // namespace tidemill
