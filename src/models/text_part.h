// The text part of a model that sees, too: of a folder whose config.json describes it in a section "text_config".
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/weights.h"
#include "models/source.h"

namespace tidemill {

// Whether a source is such a folder.
bool has_text_part(const ModelSource& source);

// The tensors of the text part, by the names that they have in a folder of text alone.
class TextPart final : public Weights {
 public:
  // `source` outlives this; what its configuration leaves out is as in `defaults`.  Throws bad_file for a section that
  // is no object.
  TextPart(const ModelSource& source, const nlohmann::json& defaults);

  // The model of this part: its weights are those that the source maps.  This object outlives its construction.
  ModelSource source() const { return {.weights = *this, .config = &config_, .config_path = config_path_}; }

  const std::string& path() const override { return weights_.path(); }
  std::vector<std::string> names() const override;
  std::optional<Tensor> find(std::string_view name) const override;
  void release(const Tensor& tensor) const override { weights_.release(tensor); }
  void drop(const Tensor& tensor) const override { weights_.drop(tensor); }
  bool is_packed() const override { return weights_.is_packed(); }

 private:
  const Weights& weights_;
  std::string config_path_;
  nlohmann::json config_;
  std::map<std::string, std::string, std::less<>> names_;  // in the file, by those of text alone
};

}  // namespace tidemill
