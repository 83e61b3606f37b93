#include "api/fine_tune.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "compress/delta/content_hash.h"
#include "formats/wording.h"
#include "models/weight_loader.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

[[noreturn]] void fail_shared(const std::string& delta, const std::string& why) {
  throw Error(ErrorCode::unsupported,
              delta + ": cannot share its base's weights: " + why + "; load it as a model of its own");
}

// Tensors whose bytes are not the base's.
std::set<std::string> changed_tensors(const Weights& base, const DeltaModelFile& tuned) {
  std::set<std::string> changed;
  for (const std::string& name : base.names()) {
    const Tensor tensor = *base.find(name);
    const std::byte* const bytes = tuned.weights->unchanged(name);
    const auto n_bytes = static_cast<size_t>(tensor.size_bytes());
    if (bytes == nullptr || std::memcmp(bytes, tensor.data(), n_bytes) != 0) changed.insert(name);
    base.release(tensor);
    if (bytes != nullptr) tuned.weights->release(Tensor(const_cast<std::byte*>(bytes), tensor.dtype(), tensor.shape()));
  }
  return changed;
}

// Of the model that the deltas lead to.
std::string fingerprint_of(const std::string& base, const DeltaPlan& plan) {
  std::string all = base;
  for (const PlanFile& file : plan.files) all += file.hash.hex();
  return hash_window(std::as_bytes(std::span(all))).hex();
}

}  // namespace

FineTune::FineTune(const FineTuneBase& base, const std::vector<std::string>& deltas)
    : owner_(base.owner),
      backend_(base.backend),
      cache_(base.cache),
      deltas_(deltas),
      opened_(open_deltas(base.path, deltas, DeltaCheck::all, std::shared_ptr<ThreadPool>(base.owner, &base.pool))),
      fingerprint_(fingerprint_of(base.fingerprint, opened_.chain->plan())) {
  const auto base_file = open_model_file(base.path);
  if (const std::string why = difference_of(*base_file, opened_); !why.empty()) fail_shared(deltas.back(), why);
  const std::set<std::string> changed = changed_tensors(base_file->weights(), opened_);

  std::map<std::string_view, const AdoptedWeight*> adopted;
  for (const AdoptedWeight& weight : base.adopted) adopted.emplace(weight.name, &weight);
  std::map<std::string_view, size_t> group_of;  // by tensor of the file
  for (const WeightRecipe& recipe : base.recipes) {
    const auto is_changed = [&](const FileTensor& tensor) { return changed.contains(tensor.name); };
    if (std::ranges::none_of(recipe.tensors, is_changed)) continue;
    const auto [entry, is_new] = group_of.emplace(recipe.tensors.front().name, groups_.size());
    for (const FileTensor& tensor : recipe.tensors) group_of.emplace(tensor.name, entry->second);
    if (is_new) groups_.emplace_back();
    const auto weight = adopted.find(recipe.name);
    if (weight == adopted.end()) continue;  // nobody asks for it
    Group& group = groups_[entry->second];
    const Tensor& place = *weight->second->place;
    places_.emplace(place.data(), Place{.group = entry->second, .index = group.weights.size()});
    group.weights.push_back(replaced_.size());
    group.n_bytes += place.size_bytes();
    replaced_.push_back({.recipe = &recipe, .role = weight->second->role});
  }
  for (const std::string& name : changed)
    if (!group_of.contains(name))
      fail_shared(deltas.back(), "tensor " + quoted(std::string_view(name)) + " is read when a model is loaded");
}

FineTune::~FineTune() {
  cache_.forget(number());
}

std::vector<const WeightRecipe*> FineTune::recipes() const {
  std::vector<const WeightRecipe*> recipes;
  for (const Replaced& weight : replaced_) recipes.push_back(weight.recipe);
  return recipes;
}

HeldWeight FineTune::find(const Tensor& weight) {
  const Place& place = places_.at(weight.data());
  const Group& group = groups_[place.group];
  const auto made = cache_.get(number(), place.group, group.n_bytes, [&] { return make(group); });
  return {.tensor = made->weights[place.index].tensor, .memory = made};
}

// Matrices that stand in the file as they are.
bool FineTune::is_read_by_rows(const Replaced& weight) const {
  const WeightRecipe& recipe = *weight.recipe;
  const bool is_whole = recipe.tensors.size() == 1 && !recipe.place.expert && recipe.place.part == Part::whole &&
                        recipe.place.change == Change::none;
  if (weight.role == WeightRole::vector || !is_whole) return false;
  const FileTensor& tensor = recipe.tensors.front();
  // What the file's reader makes of several tensors is none of the delta's.
  const auto outline = opened_.weights->outline(tensor.name);
  return outline && outline->dtype() == tensor.dtype && outline->shape() == tensor.shape &&
         tensor.shape == recipe.shape;
}

// Decoded and laid out some megabytes at a time: a large matrix would otherwise be in memory twice, and go through it
// twice.
HeldWeight FineTune::made_by_rows(const Replaced& weight) const {
  const std::string& name = weight.recipe->tensors.front().name;
  const Tensor outline = *opened_.weights->outline(name);
  const int64_t row_bytes = size_bytes(outline.dtype(), {outline.dim(1)});
  Storage some;
  return backend_.adopt_rows(outline, weight.role, [&](int64_t begin, int64_t end) {
    const int64_t n_bytes = (end - begin) * row_bytes;
    if (some.size_bytes() < n_bytes) some = Storage(n_bytes);
    const std::span out(some.data(), static_cast<size_t>(n_bytes));
    opened_.weights->read(name, static_cast<uint64_t>(begin * row_bytes), out);
    return Tensor(some.data(), outline.dtype(), {end - begin, outline.dim(1)});
  });
}

WeightGroup FineTune::make(const Group& group) const {
  WeightGroup made;
  LoadedWeights loaded;
  WeightLoader loader(opened_.file->weights(), loaded);
  for (const size_t index : group.weights) {
    const Replaced& weight = replaced_[index];
    if (is_read_by_rows(weight)) {
      made.weights.push_back(made_by_rows(weight));
    } else {
      const Tensor stored = loader.load(*weight.recipe);
      made.weights.push_back(backend_.adopt_apart(stored, weight.role));
      loaded.made.drop(stored.data());
    }
    made.n_bytes += made.weights.back().tensor.size_bytes();
  }
  opened_.weights->forget();
  return made;
}

}  // namespace tidemill
