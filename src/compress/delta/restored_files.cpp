#include "compress/delta/restored_files.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "compress/delta/block_codec.h"
#include "compress/delta/file_layout.h"
#include "compress/delta/lossy_blocks.h"
#include "compress/delta/low_rank.h"
#include "compress/delta/moved_code.h"
#include "compress/delta/packed_text.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

[[noreturn]] void fail_base(const std::string& base, const std::string& delta, const std::string& why) {
  throw Error(ErrorCode::bad_file,
              base + ": not the base of " + delta + ", " + why + "; give the model that the delta was made from");
}

// The parts that overlap [begin, begin + n_bytes) of a file, each with the bytes of it: use(part, begin in it, bytes).
template <typename Use>
void for_each_part(const PlanFile& file, uint64_t begin, uint64_t n_bytes, Use use) {
  const auto end_of = [](const PlanPart& part) { return part.begin + part.n_bytes; };
  auto part = std::ranges::upper_bound(file.parts, begin, {}, end_of);
  while (n_bytes > 0) {
    const uint64_t skipped = begin - part->begin;
    const uint64_t n_here = std::min(n_bytes, part->n_bytes - skipped);
    if (n_here > 0) use(*part, skipped, n_here);
    begin += n_here;
    n_bytes -= n_here;
    ++part;
  }
}

std::vector<std::byte>& of_size(std::vector<std::byte>& bytes, size_t size) {
  if (bytes.size() < size) bytes.resize(size);
  return bytes;
}

}  // namespace

MappedBase::MappedBase(const ModelFiles& model, const DeltaPlan& plan, const std::string& delta) {
  for (const PlanBaseFile& wanted : plan.base) {
    const bool is_only = !plan.base_is_folder && !model.is_folder;  // a file may have been renamed
    const ModelFiles::File* const found = is_only ? &model.files.front() : model.find(wanted.name);
    if (found == nullptr) fail_base(model.path, delta, "which needs its file " + quoted(std::string_view(wanted.name)));
    const uint64_t n_bytes = found->bytes().size();
    if (n_bytes != wanted.n_bytes)
      fail_base(model.path, delta,
                quoted(std::string_view(wanted.name)) + " has " + grouped(wanted.n_bytes) + " bytes there and " +
                    grouped(n_bytes) + " here");
    files_.push_back(found->file ? &*found->file : nullptr);
  }
}

std::span<const std::byte> MappedBase::bytes(const BaseRange& range, DeltaScratch&) const {
  if (range.n_bytes == 0) return {};
  return files_[range.file]->bytes().subspan(range.begin, range.n_bytes);
}

void MappedBase::release(const BaseRange& range) const {
  if (range.n_bytes > 0) files_[range.file]->release(files_[range.file]->bytes().subspan(range.begin, range.n_bytes));
}

RestoredBase::RestoredBase(const RestoredFiles& files, const DeltaPlan& plan, const std::string& delta)
    : files_(files) {
  const std::string& name = files.delta().path();
  const DeltaPlan& restored = files.delta().plan();
  for (const PlanBaseFile& wanted : plan.base) {
    const bool is_only = !plan.base_is_folder && !restored.is_folder;
    const auto found =
        is_only ? restored.files.begin() : std::ranges::find(restored.files, wanted.name, &PlanFile::name);
    if (found == restored.files.end())
      fail_base(name, delta, "which needs the file " + quoted(std::string_view(wanted.name)));
    if (found->n_bytes != wanted.n_bytes || found->hash != wanted.hash)
      fail_base(name, delta,
                quoted(std::string_view(wanted.name)) + " has hash " + wanted.hash.hex() +
                    " there, what this restores has " + found->hash.hex());
    positions_.push_back(static_cast<size_t>(found - restored.files.begin()));
  }
}

std::span<const std::byte> RestoredBase::bytes(const BaseRange& range, DeltaScratch& scratch) const {
  if (!scratch.of_base) scratch.of_base = std::make_unique<DeltaScratch>();
  const std::span out = std::span(of_size(scratch.base, range.n_bytes)).first(range.n_bytes);
  files_.read(positions_[range.file], range.begin, out, *scratch.of_base);
  return out;
}

void RestoredBase::release(const BaseRange& range) const {
  files_.release(positions_[range.file], range.begin, range.n_bytes);
}

void RestoredFiles::read(size_t file, uint64_t begin, std::span<std::byte> out, DeltaScratch& scratch) const {
  for_each_part(delta_.plan().files[file], begin, out.size(), [&](const PlanPart& part, uint64_t skipped, uint64_t n) {
    read_part(part, skipped, out.first(n), scratch);
    out = out.subspan(n);
  });
}

void RestoredFiles::release(size_t file, uint64_t begin, uint64_t n_bytes) const {
  std::optional<BaseRange> run;  // what lies together is released at once, for small tensors would ask for each
  for_each_part(delta_.plan().files[file], begin, n_bytes, [&](const PlanPart& part, uint64_t skipped, uint64_t n) {
    if (!part.base || part.code == PartCode::packed) return;
    BaseRange range{part.base->file, part.base->begin + skipped, n};
    if (part.code == PartCode::moved) range = *part.base;  // its bytes may stand anywhere
    if (run && run->file == range.file && run->begin + run->n_bytes == range.begin) {
      run->n_bytes += range.n_bytes;
      return;
    }
    if (run) base_.release(*run);
    run = range;
  });
  if (run) base_.release(*run);
}

void RestoredFiles::read_part(const PlanPart& part, uint64_t begin, std::span<std::byte> out,
                              DeltaScratch& scratch) const {
  switch (part.code) {
    case PartCode::zeros:
      std::ranges::fill(out, std::byte{0});
      break;
    case PartCode::copy:
      std::ranges::copy(base_.bytes({part.base->file, part.base->begin + begin, out.size()}, scratch), out.begin());
      break;
    case PartCode::packed:
      read_packed(part, begin, out, scratch);
      break;
    case PartCode::moved:
      read_moved(part, begin, out, scratch);
      break;
    case PartCode::low_rank:
      read_low_rank(part, begin, out, scratch);
      break;
    case PartCode::blocks:
    case PartCode::scaled:
      read_blocks(part, begin, out, scratch);
  }
}

void RestoredFiles::read_packed(const PlanPart& part, uint64_t begin, std::span<std::byte> out,
                                DeltaScratch& scratch) const {
  const auto prefix = part.base ? base_.bytes(*part.base, scratch) : std::span<const std::byte>();
  const bool is_whole = out.size() == part.n_bytes;
  const std::span text = is_whole ? out : std::span(of_size(scratch.block, part.n_bytes)).first(part.n_bytes);
  if (!unpack_text(prefix, delta_.code(part.first_code), text)) fail(part, "a packed part cannot be unpacked");
  if (!is_whole) std::ranges::copy(text.subspan(begin, out.size()), out.begin());
}

void RestoredFiles::read_moved(const PlanPart& part, uint64_t begin, std::span<std::byte> out,
                               DeltaScratch& scratch) const {
  const bool is_whole = out.size() == part.n_bytes;
  const std::span text = is_whole ? out : std::span(of_size(scratch.block, part.n_bytes)).first(part.n_bytes);
  const auto read = [&](uint64_t from, std::span<std::byte> bytes) {
    const auto found = base_.bytes({part.base->file, part.base->begin + from, bytes.size()}, scratch);
    std::ranges::copy(found, bytes.begin());
  };
  if (!decode_moved(delta_.code(part.first_code), part.base->n_bytes, read, text))
    fail(part, "a moved part cannot be decoded");
  if (!is_whole) std::ranges::copy(text.subspan(begin, out.size()), out.begin());
}

void RestoredFiles::read_blocks(const PlanPart& part, uint64_t begin, std::span<std::byte> out,
                                DeltaScratch& scratch) const {
  const BlockCuts cuts(part);
  for (uint64_t index = cuts.block_at(begin); !out.empty(); ++index) {
    const uint64_t block_begin = cuts.begin(index), n_block = cuts.begin(index + 1) - block_begin;
    const uint64_t skipped = begin - block_begin;
    const uint64_t n_next = index + 1 < cuts.n_blocks() ? cuts.begin(index + 2) - cuts.begin(index + 1) : 0;
    uint64_t n_here = std::min<uint64_t>(n_block - skipped, out.size());
    if (n_next > 0 && skipped == 0 && out.size() >= n_block + n_next && are_two(part, index)) {
      n_here = n_block + n_next;
      decode_two_blocks(part, index++, n_block, out.first(n_here), scratch);
    } else if (n_here == n_block) {
      decode_block(part, index, out.first(n_block), scratch);
    } else {
      const std::span block = std::span(of_size(scratch.block, n_block)).first(n_block);
      decode_block(part, index, block, scratch);
      std::ranges::copy(block.subspan(skipped, n_here), out.begin());
    }
    out = out.subspan(n_here);
    begin += n_here;
  }
}

void RestoredFiles::read_low_rank(const PlanPart& part, uint64_t begin, std::span<std::byte> out,
                                  DeltaScratch& scratch) const {
  const uint64_t row_bytes = part.row_bytes(), n_rows = part.n_bytes / row_bytes;
  const auto code = delta_.code(part.first_code);
  if (code.size() != (n_rows + static_cast<uint64_t>(part.row_length())) * part.rank * 2)
    fail(part, "its code has another size than its matrices");
  LowRankRows rows(code, n_rows, static_cast<uint64_t>(part.row_length()), part.rank);
  const std::span restored = std::span(of_size(scratch.block, row_bytes)).first(row_bytes);
  for (uint64_t row = begin / row_bytes; !out.empty(); ++row) {
    const auto base = base_.bytes({part.base->file, part.base->begin + row * row_bytes, row_bytes}, scratch);
    rows.restore(row, coded_dtype(part.dtype), base, restored);
    const uint64_t skipped = begin - row * row_bytes, n_here = std::min<uint64_t>(row_bytes - skipped, out.size());
    std::ranges::copy(restored.subspan(skipped, n_here), out.begin());
    out = out.subspan(n_here);
    begin += n_here;
  }
}

void RestoredFiles::decode_block(const PlanPart& part, uint64_t index, std::span<std::byte> out,
                                 DeltaScratch& scratch) const {
  const auto code = delta_.code(part.first_code + index);
  const BlockCuts cuts(part);
  std::span<const std::byte> base;
  if (part.base) base = base_.bytes({part.base->file, part.base->begin + cuts.begin(index), out.size()}, scratch);
  if (code.empty()) {
    if (!part.base) fail(part, "block " + grouped(index) + " is that of a base, and there is none");
    std::ranges::copy(base, out.begin());
    return;
  }
  const DeltaBlock block{coded_dtype(part.dtype), part.row_length(), cuts.first_element(index)};
  try {
    if (part.code == PartCode::scaled) {
      decode_scaled_block(block, {part.bits, part.group}, base, code, out);
    } else {
      decode_delta_block(block, base, code, out);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_file) throw;
    fail(part, "block " + grouped(index) + " cannot be decoded");
  }
}

bool RestoredFiles::are_two(const PlanPart& part, uint64_t index) const {
  const auto has_code = [&](uint64_t block) { return !delta_.code(part.first_code + block).empty(); };
  return part.code == PartCode::blocks && part.base && has_code(index) && has_code(index + 1);
}

void RestoredFiles::decode_two_blocks(const PlanPart& part, uint64_t index, size_t n_first, std::span<std::byte> out,
                                      DeltaScratch& scratch) const {
  const BlockCuts cuts(part);
  const auto base = base_.bytes({part.base->file, part.base->begin + cuts.begin(index), out.size()}, scratch);
  const auto coded = [&](uint64_t block, size_t begin, size_t n) {
    return CodedBlock{{coded_dtype(part.dtype), part.row_length(), cuts.first_element(block)},
                      base.subspan(begin, n),
                      delta_.code(part.first_code + block),
                      out.subspan(begin, n)};
  };
  try {
    decode_delta_blocks(coded(index, 0, n_first), coded(index + 1, n_first, out.size() - n_first));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_file) throw;
    // Which of them is damaged shows when each is decoded alone.
    decode_block(part, index, out.first(n_first), scratch);
    decode_block(part, index + 1, out.subspan(n_first), scratch);
  }
}

void RestoredFiles::fail(const PlanPart& part, const std::string& why) const {
  const std::string place =
      part.tensor.empty() ? "bytes from " + grouped(part.begin) : "tensor " + quoted(std::string_view(part.tensor));
  throw Error(ErrorCode::bad_file, delta_.path() + ": " + place + ": " + why + "; the file is damaged, get it anew");
}

}  // namespace tidemill
