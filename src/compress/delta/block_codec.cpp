#include "compress/delta/block_codec.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "compress/delta/bad_code.h"
#include "compress/delta/dense_code.h"
#include "compress/delta/plane_code.h"
#include "compress/delta/sparse_code.h"

namespace tidemill {
namespace {

// The first byte of a code.
enum class Method : uint8_t { raw, unchanged, sparse, dense, planes };

// Blocks in which fewer elements changed are sparse: above that, a gap takes longer than the symbols it spares.
constexpr double kSparseShare = 0.1;
// Blocks this short are tried both ways, for what the ways begin with counts.
constexpr size_t kFewElements = 4096;
// A difference that takes more than this of the block may be longer than the block without its base.
constexpr double kDoubtfulShare = 0.55;

void check_sizes(std::span<const std::byte> base, size_t n_bytes) {
  if (base.empty() || base.size() == n_bytes) return;
  throw Error(ErrorCode::invalid_argument, "delta: a block has " + std::to_string(n_bytes) + " bytes, its base " +
                                               std::to_string(base.size()) + "; give as many, or none");
}

// Keeps the shortest of several codes.
class Shortest {
 public:
  explicit Shortest(std::span<const std::byte> tuned) : n_bytes_(tuned.size() + 1) {}

  template <typename Encode>
  void try_method(Method method, Encode&& encode) {
    std::vector<std::byte> code = {static_cast<std::byte>(method)};
    encode(code);
    if (code.size() >= n_bytes_) return;
    n_bytes_ = code.size();
    best_ = std::move(code);
  }

  // Empty where raw is shortest.
  const std::vector<std::byte>& best() const { return best_; }

 private:
  size_t n_bytes_;
  std::vector<std::byte> best_;
};

void try_differences(const BlockShape& shape, ChangeMasks changes, std::span<const std::byte> base,
                     std::span<const std::byte> tuned, Shortest& shortest, double& expected_bits) {
  const bool is_sparse = static_cast<double>(changes.n_changed) < kSparseShare * static_cast<double>(shape.n_elements);
  const bool is_short = shape.n_elements <= kFewElements;
  std::optional<ChangeList> list;
  if (is_sparse || is_short) list.emplace(list_changes(std::move(changes), shape, base.data(), tuned.data()));
  Buffer<uint8_t> symbols(is_sparse && !is_short ? 0 : shape.n_elements);
  scan_symbols(shape.form, base.data(), tuned.data(), symbols);
  const ContextChoice choice =
      list ? choose_contexts(shape, base.data(), *list) : choose_contexts(shape, base.data(), symbols);
  expected_bits = choice.n_bits;
  if (list) {
    shortest.try_method(Method::sparse,
                        [&](auto& code) { encode_sparse(shape, choice, *list, base.data(), tuned.data(), code); });
  }
  if (!is_sparse || is_short) {
    shortest.try_method(Method::dense,
                        [&](auto& code) { encode_dense(shape, choice, symbols, base.data(), tuned.data(), code); });
  }
}

}  // namespace

void encode_delta_block(const DeltaBlock& block, std::span<const std::byte> base, std::span<const std::byte> tuned,
                        std::vector<std::byte>& code) {
  check_sizes(base, tuned.size());
  if (tuned.empty()) return;
  const BlockShape shape = block_shape(block, tuned.size());
  Shortest shortest(tuned);
  const double n_bits = 8.0 * static_cast<double>(tuned.size());
  double expected_bits = n_bits;
  if (!base.empty()) {
    ChangeMasks changes = mark_changes(shape, base.data(), tuned.data());
    if (changes.n_changed == 0) {
      code.push_back(static_cast<std::byte>(Method::unchanged));
      return;
    }
    try_differences(shape, std::move(changes), base, tuned, shortest, expected_bits);
  }
  if (expected_bits > kDoubtfulShare * n_bits) {
    shortest.try_method(Method::planes, [&](auto& out) { encode_planes(shape, tuned, out); });
  }
  if (shortest.best().empty()) {
    code.push_back(static_cast<std::byte>(Method::raw));
    code.insert(code.end(), tuned.begin(), tuned.end());
  } else {
    code.insert(code.end(), shortest.best().begin(), shortest.best().end());
  }
}

void decode_delta_block(const DeltaBlock& block, std::span<const std::byte> base, std::span<const std::byte> code,
                        std::span<std::byte> out) {
  check_sizes(base, out.size());
  if (code.empty() != out.empty()) refuse_code("has no bytes, or bytes for nothing");
  if (out.empty()) return;
  const auto method = static_cast<Method>(code.front());
  const std::span<const std::byte> rest = code.subspan(1);
  const BlockShape shape = block_shape(block, out.size());
  const bool needs_base = method == Method::unchanged || method == Method::sparse || method == Method::dense;
  if (needs_base && base.empty()) refuse_code("needs a base, and has none");
  switch (method) {
    case Method::raw:
      if (rest.size() != out.size()) refuse_code("does not end as it should");
      std::memcpy(out.data(), rest.data(), out.size());
      return;
    case Method::unchanged:
      if (!rest.empty()) refuse_code("does not end as it should");
      std::memcpy(out.data(), base.data(), out.size());
      return;
    case Method::sparse:
      return decode_sparse(shape, base.data(), rest, out.data());
    case Method::dense: {
      DenseDecoder decoder(shape, base.data(), rest, out.data());
      read_rans(decoder.symbols());
      return decoder.finish();
    }
    case Method::planes:
      return decode_planes(shape, rest, out);
  }
  refuse_code("is of no method");
}

void decode_delta_blocks(const CodedBlock& one, const CodedBlock& other) {
  const auto is_dense = [](const CodedBlock& coded) {
    return !coded.code.empty() && static_cast<Method>(coded.code.front()) == Method::dense && !coded.out.empty() &&
           coded.base.size() == coded.out.size();
  };
  if (!is_dense(one) || !is_dense(other)) {
    decode_delta_block(one.block, one.base, one.code, one.out);
    return decode_delta_block(other.block, other.base, other.code, other.out);
  }
  const BlockShape first_shape = block_shape(one.block, one.out.size());
  const BlockShape second_shape = block_shape(other.block, other.out.size());
  DenseDecoder first(first_shape, one.base.data(), one.code.subspan(1), one.out.data());
  DenseDecoder second(second_shape, other.base.data(), other.code.subspan(1), other.out.data());
  read_rans(first.symbols(), second.symbols());
  first.finish();
  second.finish();
}

}  // namespace tidemill
