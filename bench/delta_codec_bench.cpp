// How well and how fast the codec of deltas codes one safetensors file against another, block by block in memory:
//
//     delta_codec_bench BASE TUNED [THREADS] [ROUNDS]     BASE may be -: none
//
// Prints one line of JSON: bytes of the tensors and of their codes, and for each round the seconds of coding and
// restoring.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compress/delta/block_codec.h"
#include "formats/safetensors.h"
#include "sys/thread_pool.h"

namespace {

using namespace tidemill;
using Bytes = std::vector<std::byte>;

constexpr size_t kBlockBytes = size_t{256} << 10;

struct Block {
  DeltaBlock place;
  Bytes base;
  Bytes tuned;
  Bytes code;
  Bytes restored;
};

std::vector<Block> read_blocks(const std::optional<SafetensorsFile>& base, const SafetensorsFile& tuned) {
  std::vector<Block> blocks;
  for (const std::string& name : tuned.names()) {
    const Tensor tensor = *tuned.find(name);
    const auto* bytes = tensor.as<std::byte>();
    const std::byte* base_bytes = base ? base->find(name)->as<std::byte>() : nullptr;
    const size_t element = static_cast<size_t>(info(tensor.dtype()).block_bytes);
    const int64_t row_length = tensor.shape().last();
    const auto n_bytes = static_cast<size_t>(tensor.size_bytes());
    for (size_t at = 0; at < n_bytes; at += kBlockBytes) {
      const size_t n = std::min(kBlockBytes, n_bytes - at);
      Block block{{tensor.dtype(), row_length, static_cast<int64_t>(at / element)}, {}, {}, {}, Bytes(n)};
      block.tuned.assign(bytes + at, bytes + at + n);
      if (base_bytes != nullptr) block.base.assign(base_bytes + at, base_bytes + at + n);
      blocks.push_back(std::move(block));
    }
  }
  return blocks;
}

template <typename Work>
double seconds_of(ThreadPool& pool, int64_t n, Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  pool.parallel_for(n, 1, [&](int64_t first, int64_t last, int) {
    for (int64_t index = first; index < last; ++index) work(static_cast<size_t>(index));
  });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// As files are restored: blocks of a tensor two by two.  Each pair is its first block and the number of its blocks.
std::vector<std::pair<size_t, size_t>> in_pairs(const std::vector<Block>& blocks) {
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t index = 0; index < blocks.size(); index += pairs.back().second) {
    const bool has_next = index + 1 < blocks.size() && blocks[index + 1].place.first > 0;
    pairs.emplace_back(index, has_next && !blocks[index].base.empty() ? 2 : 1);
  }
  return pairs;
}

CodedBlock coded(Block& block) {
  return {block.place, block.base, block.code, block.restored};
}

void print_list(const char* name, const std::vector<double>& values) {
  std::printf(", \"%s\": [", name);
  for (size_t index = 0; index < values.size(); ++index) std::printf("%s%.6f", index == 0 ? "" : ", ", values[index]);
  std::printf("]");
}

int measure(const std::string& base_path, const std::string& tuned_path, int n_threads, int n_rounds) {
  std::optional<SafetensorsFile> base;
  if (base_path != "-") base.emplace(base_path);
  std::vector<Block> blocks = read_blocks(base, SafetensorsFile(tuned_path));
  const auto pairs = in_pairs(blocks);
  ThreadPool pool(n_threads);
  std::vector<double> make;
  std::vector<double> apply;
  for (int round = 0; round < n_rounds; ++round) {
    make.push_back(seconds_of(pool, std::ssize(blocks), [&](size_t index) {
      Block& block = blocks[index];
      block.code.clear();
      encode_delta_block(block.place, block.base, block.tuned, block.code);
    }));
    apply.push_back(seconds_of(pool, std::ssize(pairs), [&](size_t index) {
      const auto [first, n] = pairs[index];
      Block& block = blocks[first];
      if (n == 1) return decode_delta_block(block.place, block.base, block.code, block.restored);
      decode_delta_blocks(coded(block), coded(blocks[first + 1]));
    }));
  }
  size_t n_bytes = 0;
  size_t n_code_bytes = 0;
  for (const Block& block : blocks) {
    if (block.restored != block.tuned) return 1;
    n_bytes += block.tuned.size();
    n_code_bytes += block.code.size();
  }
  std::printf("{\"bytes\": %zu, \"code_bytes\": %zu", n_bytes, n_code_bytes);
  print_list("make_s", make);
  print_list("apply_s", apply);
  std::printf("}\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: delta_codec_bench BASE TUNED [THREADS] [ROUNDS]\n");
    return 2;
  }
  try {
    return measure(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 1, argc > 4 ? std::atoi(argv[4]) : 5);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
