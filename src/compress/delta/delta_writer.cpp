#include "compress/delta/delta_writer.h"

#include <cassert>
#include <cstring>
#include <utility>

#include "compress/delta/delta_file.h"
#include "compress/delta/packed_text.h"
#include "formats/safetensors_writer.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

std::string prefix(const std::string& mode, uint64_t n_codes_bytes, uint64_t n_codes, uint64_t n_plan_bytes) {
  const auto tensor = [](std::string_view name, DType dtype, uint64_t n) {
    return SafetensorSpec{std::string(name), safetensors_type(dtype), {n}};
  };
  return safetensors_prefix(
      {tensor(kCodesTensor, DType::u8, n_codes_bytes), tensor(kLengthsTensor, DType::u32, n_codes),
       tensor(kPlanTensor, DType::u8, n_plan_bytes)},
      {{"format", std::string(kDeltaFormat)}, {"version", std::to_string(kDeltaVersion)}, {"mode", mode}});
}

// Room for the header whatever its numbers turn out to be.
size_t prefix_bytes(const std::string& mode) {
  constexpr uint64_t kLargest = uint64_t{1} << 60;
  return prefix(mode, kLargest, kLargest / 8, kLargest).size();
}

}  // namespace

DeltaWriter::DeltaWriter(const std::string& path, std::string mode) : file_(path), mode_(std::move(mode)) {
  file_.write(std::string(prefix_bytes(mode_), ' '));
}

void DeltaWriter::write(std::span<const std::byte> code) {
  if (!std::in_range<uint32_t>(code.size()))
    throw Error(ErrorCode::unsupported, file_.path() + ": a code of 4 GiB; give a delta with smaller parts");
  file_.write(code);
  lengths_.push_back(static_cast<uint32_t>(code.size()));
  n_bytes_ += code.size();
}

uint64_t DeltaWriter::finish(const DeltaPlan& plan) {
  assert(plan.n_codes() == lengths_.size());
  const std::string padding((8 - n_bytes_ % 8) % 8, '\0');
  const std::string text = write_plan(plan);
  std::vector<std::byte> packed;
  pack_text({}, std::as_bytes(std::span(text)), packed);
  file_.write(padding);
  file_.write(std::as_bytes(std::span(lengths_)));
  file_.write(packed);
  // Shorter than the room: spaces behind the JSON belong to the header, whose length is the first number of the file.
  std::string head = prefix(mode_, n_bytes_ + padding.size(), lengths_.size(), packed.size());
  head.resize(prefix_bytes(mode_), ' ');
  const uint64_t n_header_bytes = head.size() - sizeof n_header_bytes;
  std::memcpy(head.data(), &n_header_bytes, sizeof n_header_bytes);
  file_.write_at(0, std::as_bytes(std::span(head)));
  file_.commit();
  return head.size() + n_bytes_ + padding.size() + lengths_.size() * sizeof lengths_[0] + packed.size();
}

}  // namespace tidemill
