// Fuzz target: any bytes as a GGUF file.  Reads all metadata through the getters, and the first and last block of each
// tensor, so that a view outside the bytes is seen by the address sanitizer.
// Seeds: tests/fuzz/corpus/gguf, made by tests/fuzz/make_gguf_corpus.py.
#include <array>
#include <span>

#include "formats/fuzz_bytes.h"
#include "formats/gguf.h"
#include "tensor/dequantize.h"

namespace tidemill {
namespace {

// A getter may refuse.
template <typename Call>
void allow_bad_file(Call&& call) {
  allow_refusals({ErrorCode::bad_file}, call);
}

size_t read_metadata(const GgufFile& file) {
  size_t sum = 0;
  for (const auto& [key, value] : file.metadata()) {
    allow_bad_file([&] { sum += static_cast<size_t>(file.integer(key).value_or(0)); });
    allow_bad_file([&] { sum += file.number(key) > 0.5; });
    allow_bad_file([&] { sum += file.boolean(key).value_or(false); });
    allow_bad_file([&] { sum += file.string(key)->size(); });
    allow_bad_file([&] {
      for (const std::string_view text : file.strings(key)->views())
        sum += text.empty() ? 0 : static_cast<size_t>(text.back());
    });
    allow_bad_file([&] {
      const NumberArray& numbers = *file.numbers(key);
      for (size_t i = 0; i < numbers.size(); ++i) sum += numbers.number(i) > 0.5;
    });
    allow_bad_file([&] {
      const NumberArray& integers = *file.integers(key);
      for (size_t i = 0; i < integers.size(); ++i) sum += static_cast<size_t>(integers.integer(i));
    });
  }
  return sum;
}

void read_tensors(const GgufFile& file) {
  for (const std::string& name : file.names()) {
    const Tensor tensor = *file.find(name);
    const DTypeInfo& row = info(tensor.dtype());
    std::array<float, 256> block;
    const std::span values = std::span(block).first(static_cast<size_t>(row.block_length));
    dequantize(tensor.dtype(), tensor.data(), values);
    dequantize(tensor.dtype(), tensor.as<std::byte>() + tensor.size_bytes() - row.block_bytes, values);
    file.release(tensor);
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  return fuzz_bytes(data, size, {ErrorCode::bad_file, ErrorCode::unsupported}, [](std::span<const std::byte> bytes) {
    const auto file = GgufFile::from_memory(bytes, "fuzz.gguf");
    volatile size_t sum = read_metadata(file);
    static_cast<void>(sum);
    read_tensors(file);
  });
}
