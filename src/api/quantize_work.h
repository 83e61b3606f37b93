// What a quantisation has finished, in a folder of its own, so that the same command goes on from there after it was
// ended, whenever that was, and comes to the same bytes.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/model_file.h"
#include "compress/quantize/coded_matrix.h"
#include "tidemill/quantize.h"

namespace tidemill {

// All that the outcome depends on: the model's file, the options and the calibration text.
std::string work_signature(const ModelFile& file, const QuantizeOptions& options);

class QuantizeWork {
 public:
  // Makes the folder.  With an empty name nothing is kept and nothing is found.  Throws invalid_argument where the
  // folder holds other things, or was begun with another signature; io.
  QuantizeWork(std::string folder, std::string signature);

  // What was planned; nothing where it is not there or not whole.
  std::optional<nlohmann::ordered_json> plan() const;
  void keep_plan(const nlohmann::ordered_json& plan) const;
  // The codes of a matrix, and what was told of their error; nothing where they are not there or not whole.
  std::optional<double> load(const std::string& name, CodedMatrix& codes) const;
  void keep(const std::string& name, CodedMatrix& codes, double error) const;
  // Everything that was kept, once the outcome is written.
  void remove() const;

 private:
  std::string file_of(const std::string& name) const { return folder_ + "/" + name + ".codes"; }

  std::string folder_;
};

}  // namespace tidemill
