#include "compress/delta/plan.h"

#include <algorithm>

#include "compress/delta/file_layout.h"

namespace tidemill {
namespace {

constexpr uint64_t kMaxRowLength = uint64_t{1} << 40;
constexpr uint64_t kLongRowBytes = 64 << 10;  // a block holds several whole rows only where they are not longer

}  // namespace

int64_t PlanPart::row_length() const {
  const auto type = dtype_from_name(dtype);
  if (!type || shape.empty() || shape.back() > kMaxRowLength) return 0;
  const auto length = static_cast<int64_t>(shape.back());
  return length % info(*type).block_length == 0 ? length : 0;
}

uint64_t PlanPart::row_bytes() const {
  const DTypeInfo& type = info(coded_dtype(dtype));
  return static_cast<uint64_t>(row_length() / type.block_length * type.block_bytes);
}

uint64_t PlanPart::n_codes() const {
  if (has_free_base() || code == PartCode::low_rank) return 1;
  return has_blocks() ? BlockCuts(*this).n_blocks() : 0;
}

BlockCuts::BlockCuts(const PlanPart& part) : n_bytes_(part.n_bytes) {
  const DTypeInfo& type = info(coded_dtype(part.dtype));
  unit_bytes_ = static_cast<uint64_t>(type.block_bytes);
  unit_length_ = static_cast<uint64_t>(type.block_length);
  const uint64_t row = part.row_bytes();
  const bool has_rows = row > 0 && row <= kLongRowBytes && n_bytes_ % row == 0;
  granule_ = has_rows ? row : unit_bytes_;
  if (n_bytes_ == 0) return;
  const uint64_t n_granules = n_bytes_ / granule_;
  const uint64_t nearest = (n_bytes_ + kDeltaBlockBytes / 2) / kDeltaBlockBytes;
  n_blocks_ = std::max<uint64_t>(1, std::min(nearest, n_granules));
  usual_ = n_granules / n_blocks_;
  n_longer_ = n_granules % n_blocks_;
}

uint64_t BlockCuts::begin(uint64_t index) const {
  return index >= n_blocks_ ? n_bytes_ : granule_ * (index * usual_ + std::min(index, n_longer_));
}

uint64_t BlockCuts::block_at(uint64_t offset) const {
  if (usual_ == 0) return 0;
  const uint64_t granule = offset / granule_;
  const uint64_t in_longer = n_longer_ * (usual_ + 1);
  if (granule < in_longer) return granule / (usual_ + 1);
  return std::min(n_longer_ + (granule - in_longer) / usual_, n_blocks_ - 1);
}

int64_t BlockCuts::first_element(uint64_t index) const {
  return static_cast<int64_t>(begin(index) / unit_bytes_ * unit_length_);
}

uint64_t DeltaPlan::n_bytes() const {
  uint64_t sum = 0;
  for (const PlanFile& file : files) sum += file.n_bytes;
  return sum;
}

uint64_t DeltaPlan::n_codes() const {
  uint64_t sum = 0;
  for (const PlanFile& file : files) {
    for (const PlanPart& part : file.parts) sum += part.n_codes();
  }
  return sum;
}

void place_parts(DeltaPlan& plan) {
  uint64_t n_codes = 0;
  for (PlanFile& file : plan.files) {
    uint64_t begin = 0;
    for (PlanPart& part : file.parts) {
      part.begin = begin;
      part.first_code = n_codes;
      begin += part.n_bytes;
      n_codes += part.n_codes();
    }
  }
}

}  // namespace tidemill
