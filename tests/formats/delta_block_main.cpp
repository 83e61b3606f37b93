// delta_block_tool: for each line of stdin `DTYPE ROW_LENGTH FIRST BASE_FILE TUNED_FILE CODE_FILE` writes the code of
// the block in TUNED_FILE, given BASE_FILE (`-`: none), for tests/formats/test_delta_blocks.py.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "compress/delta/block_codec.h"
#include "tidemill/error.h"

namespace {

using namespace tidemill;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void encode(const DeltaBlock& block, const std::string& base, const std::string& tuned, const std::string& path) {
  std::vector<std::byte> code;
  encode_delta_block(block, std::as_bytes(std::span(base)), std::as_bytes(std::span(tuned)), code);
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(code.data()), std::ssize(code));
}

}  // namespace

int main() {
  std::string dtype, base, tuned, code;
  DeltaBlock block;
  try {
    while (std::cin >> dtype >> block.row_length >> block.first >> base >> tuned >> code) {
      block.dtype = dtype_from_name(dtype).value();
      encode(block, base == "-" ? std::string() : contents(base), contents(tuned), code);
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
