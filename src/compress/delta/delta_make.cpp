#include "compress/delta/delta_make.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "compress/delta/block_codec.h"
#include "compress/delta/change_error.h"
#include "compress/delta/delta_writer.h"
#include "compress/delta/file_layout.h"
#include "compress/delta/float_elements.h"
#include "compress/delta/lossy_blocks.h"
#include "compress/delta/low_rank.h"
#include "compress/delta/moved_code.h"
#include "compress/delta/packed_text.h"
#include "compress/delta/tensor_matching.h"

namespace tidemill {
namespace {

// Blocks that are coded between two writes, for each thread: enough that threads rarely wait for the last one, few
// enough that their codes are some megabytes.
constexpr size_t kBlocksPerThread = 16;
constexpr size_t kMaxBlocksAtOnce = 256;

// One code to be made.
struct Piece {
  PlanPart* part;
  const MappedFile* tuned_file;
  const MappedFile* base_file;  // null where there is no base
  std::span<const std::byte> tuned, base;
  int64_t first_element;
  const ContentIndex* index;  // of the base of a moved part
  std::vector<std::byte> code;
  std::vector<std::byte> restored;  // where that is not the tuned bytes
  ChangeError error;                // likewise
};

// Releases what lies together in a file at once: small tensors would have the system asked for each, and pages that two
// of them share read again.
class ReleasedRun {
 public:
  void add(const MappedFile* file, std::span<const std::byte> bytes) {
    if (file != nullptr && file == file_ && bytes.data() == bytes_.data() + bytes_.size()) {
      bytes_ = {bytes_.data(), bytes_.size() + bytes.size()};
      return;
    }
    finish();
    file_ = file;
    bytes_ = bytes;
  }
  void finish() {
    if (file_ != nullptr) file_->release(bytes_);
    file_ = nullptr;
  }

 private:
  const MappedFile* file_ = nullptr;
  std::span<const std::byte> bytes_;
};

bool is_lossy(const PlanPart& part, const DeltaCoding& coding) {
  const DType dtype = coded_dtype(part.dtype);
  return coding.mode != DeltaMode::lossless && part.has_blocks() && part.base && has_lossy_deltas(dtype) &&
         part.shape.size() > 1 && part.n_bytes % static_cast<uint64_t>(info(dtype).block_bytes) == 0;
}

void encode_lossy(Piece& piece, const DeltaCoding& coding) {
  const DeltaBlock block{coded_dtype(piece.part->dtype), piece.part->row_length(), piece.first_element};
  if (piece.part->code == PartCode::scaled) {
    encode_scaled_block(block, {piece.part->bits, piece.part->group}, piece.base, piece.tuned, piece.code,
                        piece.restored);
  } else {
    keep_large_changes(block.dtype, coding.threshold, piece.base, piece.tuned, piece.restored);
    if (!std::ranges::equal(piece.base, piece.restored))
      encode_delta_block(block, piece.base, piece.restored, piece.code);
  }
  piece.error.add(block.dtype, piece.base, piece.tuned, piece.restored);
}

void encode(Piece& piece, const DeltaCoding& coding) {
  if (piece.part->code == PartCode::moved) return encode_moved(*piece.index, piece.tuned, piece.code);
  if (piece.part->code == PartCode::packed) return pack_text(piece.base, piece.tuned, piece.code);
  if (piece.base_file != nullptr && std::ranges::equal(piece.base, piece.tuned)) return;  // none: as in the base
  if (piece.part->code == PartCode::scaled || (coding.mode == DeltaMode::sparse && is_lossy(*piece.part, coding)))
    return encode_lossy(piece, coding);
  encode_delta_block({coded_dtype(piece.part->dtype), piece.part->row_length(), piece.first_element}, piece.base,
                     piece.tuned, piece.code);
}

PartCode part_code(DeltaMode mode) {
  if (mode == DeltaMode::low_rank) return PartCode::low_rank;
  return mode == DeltaMode::sparse ? PartCode::blocks : PartCode::scaled;
}

uint32_t bits_of(DeltaMode mode) {
  if (mode == DeltaMode::sign) return 1;
  return mode == DeltaMode::int4 ? 4 : mode == DeltaMode::int8 ? 8 : 0;
}

class DeltaMaker {
 public:
  DeltaMaker(const ModelFiles& base, const ModelFiles& tuned, const std::string& out, const DeltaCoding& coding,
             const DeltaWork& work)
      : base_(base), tuned_(tuned), out_(out), coding_(coding), work_(work), plan_(match_tensors(base, tuned)) {}

  MadeDelta make();

 private:
  void keep_used_base_files();
  void take_hashes(DeltaProgress& progress);
  void encode_file(size_t index, DeltaWriter& writer, DeltaProgress& progress);
  void add_pieces(PlanPart& part, const ModelFiles::File& file, DeltaWriter& writer, DeltaProgress& progress);
  const ContentIndex* index_of(const PlanPart& part);
  void add(Piece piece, DeltaWriter& writer, DeltaProgress& progress);
  void flush(DeltaWriter& writer, DeltaProgress& progress);
  void write(const Piece& piece, DeltaWriter& writer);
  void end_part();
  bool add_low_rank(PlanPart& part, const ModelFiles::File& file, DeltaWriter& writer);
  void add_restored(const PlanPart& part, std::span<const std::byte> restored, const ChangeError& error);
  const MappedFile* base_file(const PlanPart& part) const {
    return part.base ? &*base_.files[used_[part.base->file]].file : nullptr;
  }

  const ModelFiles& base_;
  const ModelFiles& tuned_;
  const std::string& out_;
  const DeltaCoding& coding_;
  const DeltaWork& work_;
  DeltaPlan plan_;
  std::vector<size_t> used_;           // files of the base, by their numbers in the plan
  std::vector<Piece> pieces_;          // that wait to be coded
  size_t n_waiting_bytes_ = 0;         // of them
  std::optional<ContentIndex> index_;  // of the base of the file that is being written, where parts have moved
  // Of the part that is being written: codes of unchanged blocks that came first and are not written yet.
  PlanPart* part_ = nullptr;
  uint64_t n_unchanged_ = 0;
  bool is_changed_ = false;
  // Of the file that is being written, in lossy modes.
  HashOfStream restored_hash_;
  std::map<const PlanPart*, ChangeError> errors_;
};

// Others may change without harm: who restores needs the ones that are read.
void DeltaMaker::keep_used_base_files() {
  std::vector<int64_t> numbers(base_.files.size(), -1);
  for (PlanFile& file : plan_.files) {
    for (PlanPart& part : file.parts) {
      if (!part.base) continue;
      int64_t& number = numbers[part.base->file];
      if (number < 0) {
        number = std::ssize(used_);
        used_.push_back(part.base->file);
        const ModelFiles::File& base = base_.files[part.base->file];
        plan_.base.push_back({.name = base.name, .n_bytes = base.bytes().size(), .hash = {}});
      }
      part.base->file = static_cast<uint32_t>(number);
    }
  }
}

void DeltaMaker::take_hashes(DeltaProgress& progress) {
  const auto add = [&](uint64_t n_bytes) { progress.add(n_bytes); };
  const auto hash = [&](const ModelFiles::File& file) {
    return file.file ? hash_file(*file.file, work_.pool, add) : hash_of_windows({});
  };
  for (size_t index = 0; index < used_.size(); ++index) plan_.base[index].hash = hash(base_.files[used_[index]]);
  if (coding_.mode != DeltaMode::lossless) return;  // what is restored has other hashes, which come with the codes
  for (size_t index = 0; index < plan_.files.size(); ++index) plan_.files[index].hash = hash(tuned_.files[index]);
}

MadeDelta DeltaMaker::make() {
  keep_used_base_files();
  uint64_t n_total = (coding_.mode == DeltaMode::lossless ? 2 : 1) * plan_.n_bytes();
  for (const PlanBaseFile& file : plan_.base) n_total += file.n_bytes;
  DeltaWriter writer(out_, to_string(coding_.mode));
  DeltaProgress progress(work_, out_, n_total);
  take_hashes(progress);
  MadeDelta made{.n_tuned_bytes = plan_.n_bytes()};
  for (size_t index = 0; index < plan_.files.size(); ++index) encode_file(index, writer, progress);
  for (const PlanFile& file : plan_.files) {
    for (const PlanPart& part : file.parts) {
      made.n_tensors += part.tensor.empty() ? 0 : 1;
      const auto found = errors_.find(&part);
      if (found == errors_.end()) continue;
      made.errors.push_back(found->second.of(part.tensor));
      made.errors.back().rank = part.rank;
    }
  }
  made.n_delta_bytes = writer.finish(plan_);
  return made;
}

void DeltaMaker::encode_file(size_t index, DeltaWriter& writer, DeltaProgress& progress) {
  uint64_t begin = 0;
  restored_hash_ = {};
  for (PlanPart& part : plan_.files[index].parts) {
    part.begin = begin;
    begin += part.n_bytes;
    if (is_lossy(part, coding_)) {
      part.code = part_code(coding_.mode);
      part.bits = bits_of(coding_.mode);
      part.group = coding_.mode == DeltaMode::int4 ? 64 : part.bits > 0 ? 128 : 0;
    }
    add_pieces(part, tuned_.files[index], writer, progress);
  }
  flush(writer, progress);
  end_part();
  index_.reset();
  if (coding_.mode != DeltaMode::lossless) plan_.files[index].hash = restored_hash_.finish();
}

void DeltaMaker::add_pieces(PlanPart& part, const ModelFiles::File& file, DeltaWriter& writer,
                            DeltaProgress& progress) {
  if (part.n_codes() == 0 || part.code == PartCode::low_rank) {
    flush(writer, progress);
    end_part();
    if (part.code != PartCode::low_rank) {
      add_restored(part, file.bytes().subspan(part.begin, part.n_bytes), {});
      return progress.add(part.n_bytes);
    }
    if (add_low_rank(part, file, writer)) return progress.add(part.n_bytes);
    part.code = PartCode::blocks;
  }
  const auto tuned = file.bytes().subspan(part.begin, part.n_bytes);
  const MappedFile* const base = base_file(part);
  std::span<const std::byte> base_bytes;
  if (base != nullptr) base_bytes = base->bytes().subspan(part.base->begin, part.base->n_bytes);
  if (part.has_free_base())
    return add({&part, &*file.file, base, tuned, base_bytes, 0, index_of(part), {}, {}, {}}, writer, progress);
  const BlockCuts cuts(part);
  for (uint64_t block = 0; block < cuts.n_blocks(); ++block) {
    const uint64_t begin = cuts.begin(block), n = cuts.begin(block + 1) - begin;
    const auto of_base = base == nullptr ? base_bytes : base_bytes.subspan(begin, n);
    add({&part, &*file.file, base, tuned.subspan(begin, n), of_base, cuts.first_element(block), nullptr, {}, {}, {}},
        writer, progress);
  }
}

// All moved parts of a file have the same base.
const ContentIndex* DeltaMaker::index_of(const PlanPart& part) {
  if (part.code != PartCode::moved) return nullptr;
  const MappedFile* const base = base_file(part);
  const auto bytes = base->bytes().subspan(part.base->begin, part.base->n_bytes);
  if (!index_) index_.emplace(bytes, [base](std::span<const std::byte> read) { base->release(read); });
  return &*index_;
}

void DeltaMaker::add(Piece piece, DeltaWriter& writer, DeltaProgress& progress) {
  n_waiting_bytes_ += piece.tuned.size();
  pieces_.push_back(std::move(piece));
  const size_t n_threads = static_cast<size_t>(work_.pool.n_threads());
  const size_t n_at_once = std::min(kBlocksPerThread * n_threads, kMaxBlocksAtOnce);
  // Parts that are no blocks are longer: one or two for each thread.
  if (pieces_.size() >= n_at_once || n_waiting_bytes_ >= 2 * n_threads * kPackedTextBytes) flush(writer, progress);
}

void DeltaMaker::flush(DeltaWriter& writer, DeltaProgress& progress) {
  work_.pool.parallel_for(std::ssize(pieces_), 1,
                          [&](int64_t begin, int64_t, int) { encode(pieces_[static_cast<size_t>(begin)], coding_); });
  uint64_t n_bytes = 0;
  ReleasedRun tuned, base;
  for (const Piece& piece : pieces_) {
    write(piece, writer);
    add_restored(*piece.part, piece.restored.empty() ? piece.tuned : piece.restored, piece.error);
    n_bytes += piece.tuned.size();
    tuned.add(piece.tuned_file, piece.tuned);
    base.add(piece.base_file, piece.base);
  }
  tuned.finish();
  base.finish();
  pieces_.clear();
  n_waiting_bytes_ = 0;
  progress.add(n_bytes);
}

// A part all of whose blocks are unchanged becomes a copy and has no codes; whether it is one shows at its end.
void DeltaMaker::write(const Piece& piece, DeltaWriter& writer) {
  if (piece.part != part_) {
    end_part();
    part_ = piece.part;
  }
  if (piece.code.empty() && !is_changed_) {
    ++n_unchanged_;
    return;
  }
  for (; n_unchanged_ > 0; --n_unchanged_) writer.write({});
  is_changed_ = true;
  writer.write(piece.code);
}

// Whether a matrix is written so; it is not where that would not be smaller than half of it or has no answer.
bool DeltaMaker::add_low_rank(PlanPart& part, const ModelFiles::File& file, DeltaWriter& writer) {
  const auto n_columns = static_cast<uint64_t>(part.row_length());
  if (n_columns == 0 || part.n_bytes % part.row_bytes() != 0) return false;
  const uint64_t n_rows = part.n_bytes / part.row_bytes();
  const auto tuned = file.bytes().subspan(part.begin, part.n_bytes);
  const auto base = base_file(part)->bytes().subspan(part.base->begin, part.n_bytes);
  const uint64_t most_useful = part.n_bytes / 2 / ((n_rows + n_columns) * 2);
  const bool is_useful = coding_.energy > 0 ? most_useful > 0 : coding_.rank <= most_useful;
  if (!is_useful || std::ranges::equal(tuned, base)) return false;
  const DType dtype = coded_dtype(part.dtype);
  const RankChoice choice{static_cast<uint32_t>(std::min<uint64_t>(coding_.rank, most_useful)), coding_.energy};
  const LowRankCode code = encode_low_rank({dtype, n_rows, n_columns, base, tuned}, choice, work_.pool);
  // With more columns it would be enough, and no longer small.
  if (code.bytes.empty() || (!code.is_enough && choice.most < coding_.rank)) return false;
  part.rank = code.rank;
  writer.write(code.bytes);
  LowRankRows rows(code.bytes, n_rows, n_columns, part.rank);
  std::vector<std::byte> restored(part.row_bytes());
  for (uint64_t row = 0; row < n_rows; ++row) {
    const auto of_row = [&](std::span<const std::byte> all) {
      return all.subspan(row * restored.size(), restored.size());
    };
    rows.restore(row, dtype, of_row(base), restored);
    ChangeError error;
    error.add(dtype, of_row(base), of_row(tuned), restored);
    add_restored(part, restored, error);
  }
  file.file->release(tuned);
  base_file(part)->release(base);
  return true;
}

void DeltaMaker::add_restored(const PlanPart& part, std::span<const std::byte> restored, const ChangeError& error) {
  if (coding_.mode == DeltaMode::lossless) return;
  restored_hash_.add(restored);
  if (is_lossy(part, coding_) || part.code == PartCode::low_rank) errors_[&part].add(error);
}

void DeltaMaker::end_part() {
  if (part_ != nullptr && !is_changed_) part_->code = PartCode::copy;
  part_ = nullptr;
  n_unchanged_ = 0;
  is_changed_ = false;
}

}  // namespace

MadeDelta make_delta_file(const ModelFiles& base, const ModelFiles& tuned, const std::string& out,
                          const DeltaCoding& coding, const DeltaWork& work) {
  return DeltaMaker(base, tuned, out, coding, work).make();
}

}  // namespace tidemill
