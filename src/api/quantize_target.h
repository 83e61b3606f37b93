// What a quantised model is written as: which matrices become codes of which format, and where the codes are until all
// of them are there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_file.h"
#include "compress/quantize/coded_matrix.h"
#include "models/model.h"
#include "tidemill/convert.h"
#include "tidemill/quantize.h"

namespace tidemill {

class QuantizeTarget {
 public:
  virtual ~QuantizeTarget() = default;

  // What a matrix becomes by the options; nothing where it stays as it is.  Throws invalid_argument for options that
  // make no sense.
  virtual std::optional<CodeFormat> format_for(std::string_view name, const Tensor& weight, WeightRole role) const = 0;
  // What a plan of bits may choose from for rows of `n_cols`; empty where all matrices are alike.
  virtual std::vector<CodeFormat> choices_for(int64_t n_cols) const = 0;
  // Bytes of a weight that stays as it is.
  virtual int64_t plain_bytes(std::string_view name, const Tensor& weight, WeightRole role) const = 0;

  // Takes the codes of a matrix; `weight` is the model's, and may refer to them from now on.
  virtual void put(const std::string& name, CodedMatrix codes, Tensor& weight) = 0;
  virtual ConvertReport write(const ConvertOptions& options, std::unique_ptr<Model> model) = 0;
};

// NAME.gguf, NAME.tmill, or a folder NAME/.  `file` and `model` outlive it, `model` until it is written.  Throws
// invalid_argument for another name and for options that it has no use for, unsupported for what it cannot hold.
std::unique_ptr<QuantizeTarget> make_quantize_target(const ModelFile& file, Model& model, const std::string& out,
                                                     const QuantizeOptions& options);

// "q4_k", "w4_g128": as reports call it.
std::string format_name(const CodeFormat& format);

}  // namespace tidemill
