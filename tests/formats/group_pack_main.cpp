// group_pack_tool FORMAT BITS GROUP_SIZE HAS_ZEROS SCALE_DTYPE ROWS COLUMNS HAS_G_IDX OUT.safetensors < arrays
// What formats/group_writer.h makes of one matrix, "layer", for tests/formats/test_group_quantized.py.  The arrays are
// those of GroupQuantized, one after the other: codes, scales, zeros, g_idx.
#include <cstring>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "formats/group_writer.h"
#include "formats/safetensors_writer.h"

namespace {

using namespace tidemill;

template <typename T>
void take(const std::string& bytes, size_t& at, size_t n, std::vector<T>& values) {
  values.resize(n);
  std::memcpy(values.data(), bytes.data() + at, n * sizeof(T));
  at += n * sizeof(T);
}

void write(const std::vector<GroupTensor>& tensors, const std::string& path) {
  std::vector<SafetensorSpec> specs;
  for (const GroupTensor& tensor : tensors) {
    const auto dims = tensor.shape.dims();
    specs.push_back({tensor.name, safetensors_type(tensor.dtype), std::vector<uint64_t>(dims.begin(), dims.end())});
  }
  SafetensorsWriter writer(path, specs, {});
  for (const GroupTensor& tensor : tensors) writer.write(tensor.bytes);
  writer.finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 10) return 2;
  const std::map<std::string, GroupFormat> formats = {{"awq", GroupFormat::awq},
                                                      {"gptq", GroupFormat::gptq},
                                                      {"gptq_v2", GroupFormat::gptq_v2},
                                                      {"compressed-tensors", GroupFormat::compressed_tensors}};
  const int64_t group_size = std::stoll(argv[3]), n_rows = std::stoll(argv[6]), n_cols = std::stoll(argv[7]);
  const GroupKind kind{std::stoi(argv[2]), group_size == -1 ? 0 : group_size, argv[4] == std::string("1")};
  GroupQuantized matrix{
      .n_rows = n_rows, .n_cols = n_cols, .bits = kind.bits, .group_size = group_size == -1 ? n_cols : group_size};
  const std::string bytes(std::istreambuf_iterator<char>(std::cin), {});
  const auto n_params = static_cast<size_t>(n_rows * matrix.n_groups());
  size_t at = 0;
  take(bytes, at, static_cast<size_t>(n_rows * n_cols), matrix.q);
  take(bytes, at, n_params, matrix.scales);
  take(bytes, at, n_params, matrix.zeros);
  if (argv[8] == std::string("1")) take(bytes, at, static_cast<size_t>(n_cols), matrix.g_idx);
  try {
    write(group_tensors("layer", matrix, formats.at(argv[1]), kind, *dtype_from_name(argv[5])), argv[9]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
