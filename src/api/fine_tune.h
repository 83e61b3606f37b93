// A fine-tune over a loaded model: its deltas, and the weights of the model that they replace.  Weights are decoded and
// laid out for the kernels when a pass first reads them; what others have been read lately stays (VersionCache).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/delta_model.h"
#include "models/loaded_weights.h"
#include "ops/backend.h"
#include "runtime/version_cache.h"

namespace tidemill {

// A weight of a loaded model.
struct AdoptedWeight {
  std::string name;
  Tensor* place = nullptr;               // in the model: as the backend has it
  WeightRole role = WeightRole::matrix;  // that it was adopted with
};

// What fine-tunes of a model share.
struct FineTuneBase {
  std::shared_ptr<const void> owner;  // of all that follows
  std::string path;
  const std::vector<WeightRecipe>& recipes;
  const std::vector<AdoptedWeight>& adopted;
  Backend& backend;
  VersionCache& cache;
  ThreadPool& pool;         // of the engine: decodes when a pass needs weights
  std::string fingerprint;  // of the model, for saved states
};

class FineTune final : public WeightVersions {
 public:
  // Opens and verifies the deltas.  Throws what apply_delta throws, and unsupported, saying why, for a fine-tune that
  // cannot share the model's weights: with other tensors, shapes, dtypes, configuration or tokenizer.
  FineTune(const FineTuneBase& base, const std::vector<std::string>& deltas);
  ~FineTune() override;

  bool replaces(const Tensor& weight) const override { return places_.contains(weight.data()); }
  HeldWeight find(const Tensor& weight) override;

  const std::vector<std::string>& deltas() const { return deltas_; }
  const std::string& fingerprint() const { return fingerprint_; }
  // The weights that it replaces, and where they are read from.
  std::vector<const WeightRecipe*> recipes() const;
  const ModelFile& file() const { return *opened_.file; }
  void forget_decoded() const { opened_.weights->forget(); }

 private:
  // Weights that are read from the same tensors of the file.
  struct Group {
    std::vector<size_t> weights;  // positions in `replaced_`
    int64_t n_bytes = 0;
  };
  struct Replaced {
    const WeightRecipe* recipe;
    WeightRole role;
  };
  struct Place {
    size_t group, index;
  };

  WeightGroup make(const Group& group) const;
  bool is_read_by_rows(const Replaced& weight) const;
  HeldWeight made_by_rows(const Replaced& weight) const;

  std::shared_ptr<const void> owner_;
  Backend& backend_;
  VersionCache& cache_;
  std::vector<std::string> deltas_;
  DeltaModelFile opened_;
  std::string fingerprint_;
  std::vector<Replaced> replaced_;
  std::vector<Group> groups_;
  std::unordered_map<const void*, Place> places_;  // by the data of the base's weight
};

// Why a model of `tuned`'s files needs other code than one of `base`'s, or its texts become other tokens: what differs
// but for the weights' numbers.  Empty when nothing does.
std::string difference_of(const ModelFile& base, const DeltaModelFile& tuned);

}  // namespace tidemill
