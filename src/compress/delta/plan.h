// The plan of a .tmdelta: which bytes each restored file is made of, in order, and from what.
//
// As text it is one JSON object a line (docs/formats/delta.md), so that a reader needs memory for one line and not for
// a document.  Everything in it is hostile until checked here: names of files, sizes, ranges of the base.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/delta/content_hash.h"
#include "tidemill/dtype.h"

namespace tidemill {

inline constexpr uint64_t kPlanMaxFileBytes = uint64_t{1} << 46;
inline constexpr uint64_t kPackedTextBytes = 4 << 20;  // of a packed part at most
inline constexpr uint64_t kDeltaBlockBytes = 256 << 10;

enum class PartCode {
  blocks,  // by encode_delta_block, block by block
  copy,    // the bytes of the base
  packed,  // one zstd frame; the base, where there is one, is its prefix
  zeros,
  scaled,    // nearly, by encode_scaled_block, block by block
  low_rank,  // nearly, by encode_low_rank, as a whole
  moved,     // one code of encode_moved: runs of the base and what is new
};

// Bytes of a file of the base.
struct BaseRange {
  uint32_t file = 0;  // position in DeltaPlan::base
  uint64_t begin = 0, n_bytes = 0;
};

struct PlanPart {
  std::string tensor;           // the name of the tensor that begins here; empty: none does
  std::string from;             // its name in the base, where that is another
  std::string dtype = "u8";     // a label, as FilePiece has it
  std::vector<uint64_t> shape;  // of the whole tensor, or of this part of one where `tensor` is empty
  uint64_t n_bytes = 0;
  PartCode code = PartCode::blocks;
  uint32_t bits = 0, group = 0;   // of scaled: ScaledForm
  uint32_t rank = 0;              // of low_rank
  std::optional<BaseRange> base;  // of n_bytes, but for packed and moved

  // Computed: where the part begins in its file, and its first code.
  uint64_t begin = 0, first_code = 0;

  int64_t row_length() const;  // elements of the innermost dimension; 0 where that is not known
  uint64_t row_bytes() const;  // likewise
  uint64_t n_codes() const;
  // Whether the part is made of any bytes of its base, and not byte for byte of as many.
  bool has_free_base() const { return code == PartCode::packed || code == PartCode::moved; }
  bool has_blocks() const { return code == PartCode::blocks || code == PartCode::scaled; }
};

// Where the blocks of a part begin: as many as bring them nearest to kDeltaBlockBytes, of whole rows where rows are not
// long, equal but for one row, the longer ones first.
class BlockCuts {
 public:
  explicit BlockCuts(const PlanPart& part);

  uint64_t n_blocks() const { return n_blocks_; }
  // From the start of the part; for n_blocks() its end.
  uint64_t begin(uint64_t index) const;
  // The block that holds byte `offset` of the part.
  uint64_t block_at(uint64_t offset) const;
  // Of the element that block `index` begins with.
  int64_t first_element(uint64_t index) const;

 private:
  uint64_t n_bytes_;
  uint64_t unit_bytes_, unit_length_;  // of an element, or of a block of a GGUF type
  uint64_t granule_;                   // bytes that stay together: a row or a unit
  uint64_t n_blocks_ = 0;
  uint64_t usual_ = 0, n_longer_ = 0;  // granules of a block; blocks that have one more
};

struct PlanFile {
  std::string name;
  uint64_t n_bytes = 0;
  ContentHash hash;
  std::vector<PlanPart> parts;  // one after another, together n_bytes
};

struct PlanBaseFile {
  std::string name;
  uint64_t n_bytes = 0;
  ContentHash hash;
};

struct DeltaPlan {
  bool is_folder = false;  // what is restored
  bool base_is_folder = false;
  std::vector<PlanBaseFile> base;  // those files of the base that parts refer to
  std::vector<PlanFile> files;

  uint64_t n_bytes() const;  // of all restored files
  uint64_t n_codes() const;
};

// Sets `begin` and `first_code` of all parts.
void place_parts(DeltaPlan& plan);

std::string write_plan(const DeltaPlan& plan);
// Throws bad_file, beginning with `file`, for a plan that breaks a rule of the format.
DeltaPlan read_plan(std::string_view text, const std::string& file);

}  // namespace tidemill
