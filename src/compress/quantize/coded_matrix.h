// CodedMatrix: the codes of a matrix in memory, in whichever format: what a coder fills, and what readers make of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "compress/quantize/matrix_coder.h"
#include "formats/group_scheme.h"
#include "tensor/group_quantized.h"
#include "tensor/storage.h"
#include "tidemill/dtype.h"

namespace tidemill {

// Blocks of that dtype, or groups of other tools' files.
struct CodeFormat {
  DType dtype = DType::f32;
  std::optional<GroupKind> groups = {};
};

// Bytes that such codes take in a file, scales included.
int64_t coded_bytes(const CodeFormat& format, int64_t n_rows, int64_t n_cols);

class CodedMatrix {
 public:
  // With `order`, of groups alone, column i of what is stored is input order[i]; it outlives this object.
  CodedMatrix(const CodeFormat& format, int64_t n_rows, int64_t n_cols, std::span<const int32_t> order = {});

  const CodeFormat& format() const { return format_; }
  MatrixCoder& coder() { return *coder_; }
  // What row `row` stands for, as readers compute it.  Any number of threads.
  void read(int64_t row, std::span<float> values) const;

  // Of blocks; of groups.
  Storage& blocks() { return blocks_; }
  GroupQuantized& groups() { return *groups_; }

 private:
  CodeFormat format_;
  int64_t n_cols_;
  Storage blocks_;
  std::unique_ptr<GroupQuantized> groups_;  // at one address, which the coder knows
  std::unique_ptr<MatrixCoder> coder_;
};

}  // namespace tidemill
