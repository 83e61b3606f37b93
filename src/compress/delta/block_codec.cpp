#include "compress/delta/block_codec.h"

#include <algorithm>
#include <cstring>
#include <string>

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

void try_differences(const BlockShape& shape, std::span<const std::byte> base, std::span<const std::byte> tuned,
                     Shortest& shortest, double& expected_bits) {
  Buffer<uint8_t> symbols(shape.n_elements);
  scan_symbols(shape.form, base.data(), tuned.data(), symbols);
  const size_t n_changed = count_changed(symbols);
  const ContextChoice choice = choose_contexts(shape, base.data(), symbols, n_changed);
  expected_bits = choice.n_bits;
  const bool is_sparse = static_cast<double>(n_changed) < kSparseShare * static_cast<double>(shape.n_elements);
  const bool is_short = shape.n_elements <= kFewElements;
  if (is_sparse || is_short) {
    shortest.try_method(Method::sparse,
                        [&](auto& code) { encode_sparse(shape, choice, symbols, base.data(), tuned.data(), code); });
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
  if (!base.empty() && std::memcmp(base.data(), tuned.data(), tuned.size()) == 0) {
    code.push_back(static_cast<std::byte>(Method::unchanged));
    return;
  }
  const BlockShape shape = block_shape(block, tuned.size());
  Shortest shortest(tuned);
  const double n_bits = 8.0 * static_cast<double>(tuned.size());
  double expected_bits = n_bits;
  if (!base.empty()) try_differences(shape, base, tuned, shortest, expected_bits);
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
    case Method::dense:
      return decode_dense(shape, base.data(), rest, out.data());
    case Method::planes:
      return decode_planes(shape, rest, out);
  }
  refuse_code("is of no method");
}

}  // namespace tidemill
