#include "compress/delta/delta_file.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "compress/delta/packed_text.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Places of codes that are kept; those between are sums of at most so many lengths.
constexpr uint64_t kLengthsPerBegin = 64;

// Text of a plan beyond this is refused: real plans are packed to a tenth or a twentieth.
constexpr uint64_t kMaxPlanRatio = 400;
constexpr uint64_t kMaxSmallPlan = 1 << 16;

uint32_t length_at(std::span<const std::byte> lengths, uint64_t index) {
  uint32_t length;
  std::memcpy(&length, lengths.data() + index * sizeof length, sizeof length);
  return length;
}

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// The text in one zstd frame; nothing where it is none or longer than plans are.
std::string unpack_plan(std::span<const std::byte> packed) {
  const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kPackedMaxWindowLog);  // memory that a frame may take
  const uint64_t limit = std::max(kMaxSmallPlan, packed.size() * kMaxPlanRatio);
  std::string text;
  std::vector<char> buffer(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left) != 0 || (left != 0 && out.pos == 0 && in.pos == in.size)) return "";
    text.append(buffer.data(), out.pos);
    if (text.size() > limit) return "";
  }
  return in.pos == in.size ? text : "";
}

}  // namespace

DeltaFile::DeltaFile(const std::string& path) : DeltaFile(SafetensorsFile(path)) {}

DeltaFile DeltaFile::from_memory(std::span<const std::byte> bytes, const std::string& name) {
  return DeltaFile(SafetensorsFile::from_memory(bytes, name));
}

DeltaFile::DeltaFile(SafetensorsFile file) : file_(std::move(file)) {
  check_metadata();
  codes_ = bytes_of(kCodesTensor);
  lengths_ = bytes_of(kLengthsTensor);
  const std::string text = unpack_plan(bytes_of(kPlanTensor));
  if (text.empty()) fail("its plan cannot be unpacked");
  plan_ = read_plan(text, path());
  read_lengths();
  n_bytes_ = file_.size_bytes();
}

void DeltaFile::check_metadata() {
  if (file_.metadata("format") != kDeltaFormat)
    throw Error(ErrorCode::bad_file, path() +
                                         ": not a delta (its metadata does not say so); give a .tmdelta that "
                                         "`tidemill delta make` has written");
  const std::string_view version = file_.metadata("version").value_or("");
  if (version != std::to_string(kDeltaVersion))
    throw Error(ErrorCode::unsupported, path() + ": says version " + quoted(version) +
                                            " of the format, this build reads " + std::to_string(kDeltaVersion) +
                                            "; update tidemill or make the delta again");
  mode_ = file_.metadata("mode").value_or("");
  if (mode_.empty()) fail("its metadata names no mode");
}

std::span<const std::byte> DeltaFile::bytes_of(std::string_view name) const {
  const auto raw = file_.raw(name);
  const DType expected = name == kLengthsTensor ? DType::u32 : DType::u8;
  if (!raw) fail("tensor " + quoted(name) + " is missing");
  if (raw->type->dtype != expected || raw->dims.size() != 1) fail("tensor " + quoted(name) + " is of another kind");
  return raw->data;
}

void DeltaFile::read_lengths() {
  const uint64_t n_codes = lengths_.size() / sizeof(uint32_t);
  if (n_codes != plan_.n_codes())
    fail("the plan has " + grouped(plan_.n_codes()) + " codes, the file " + grouped(n_codes));
  uint64_t sum = 0;
  for (uint64_t index = 0; index < n_codes; ++index) {
    if (index % kLengthsPerBegin == 0) begins_.push_back(sum);
    sum += length_at(lengths_, index);
  }
  // Zeros bring the lengths to a multiple of their size.
  if (sum > codes_.size() || codes_.size() - sum >= 8)
    fail("the lengths of its codes add up to " + grouped(sum) + " bytes, there are " + grouped(codes_.size()));
}

std::span<const std::byte> DeltaFile::code(uint64_t index) const {
  uint64_t begin = begins_[index / kLengthsPerBegin];
  for (uint64_t i = index / kLengthsPerBegin * kLengthsPerBegin; i < index; ++i) begin += length_at(lengths_, i);
  return codes_.subspan(begin, length_at(lengths_, index));
}

void DeltaFile::fail(const std::string& why) const {
  throw Error(ErrorCode::bad_file, path() + ": " + why + "; the file is damaged, get it anew");
}

}  // namespace tidemill
