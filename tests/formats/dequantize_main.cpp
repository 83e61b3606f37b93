// dequantize_tool DTYPE < blocks > floats: the library's decoder for tests/formats/test_dequantize.py.
#include <iostream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/dequantize.h"

int main(int argc, char** argv) {
  const auto dtype = argc == 2 ? tidemill::dtype_from_name(argv[1]) : std::nullopt;
  if (!dtype) {
    std::cerr << "dequantize_tool: no such dtype; give one name, as q4_k\n";
    return 2;
  }
  const std::string blocks(std::istreambuf_iterator<char>(std::cin), {});
  const tidemill::DTypeInfo& row = tidemill::info(*dtype);
  std::vector<float> values(blocks.size() / row.block_bytes * row.block_length);
  tidemill::dequantize(*dtype, blocks.data(), values);
  const auto bytes = std::as_bytes(std::span(values));
  std::cout.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return 0;
}
