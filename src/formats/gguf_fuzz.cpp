// Fuzz target: any bytes as a GGUF file.  Reads all metadata through the getters, and the first and last block of each
// tensor, so that a view outside the bytes is seen by the address sanitizer.
// Seeds: tests/fuzz/corpus/gguf, made by tests/fuzz/make_gguf_corpus.py.
#include <array>
#include <cstring>
#include <memory>
#include <span>

#include "formats/gguf.h"
#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Calls a getter that may refuse; any other exception is a finding.
template <typename Call>
void allow_bad_file(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_file) throw;
  }
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
  // A copy begins at a multiple of 16, as a mapped file does.
  const auto copy = std::make_unique<std::byte[]>(size);
  if (size > 0) std::memcpy(copy.get(), data, size);
  try {
    const auto file = tidemill::GgufFile::from_memory({copy.get(), size}, "fuzz.gguf");
    volatile size_t sum = tidemill::read_metadata(file);
    static_cast<void>(sum);
    tidemill::read_tensors(file);
  } catch (const tidemill::Error& error) {
    const auto code = error.code();
    if (code != tidemill::ErrorCode::bad_file && code != tidemill::ErrorCode::unsupported) throw;
  }
  return 0;
}
