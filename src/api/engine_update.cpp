// Fine-tunes over a loaded model, and other numbers for the model itself.

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "api/engine_impl.h"
#include "compress/delta/content_hash.h"
#include "formats/wording.h"
#include "models/weight_loader.h"

namespace tidemill {
namespace {

// Tensors that a caller gave, in the place of those of the model's file.
class GivenWeights final : public Weights {
 public:
  // Throws invalid_argument for two of a name.
  GivenWeights(const std::string& path, std::span<const WeightUpdate> tensors) : path_(path) {
    for (const WeightUpdate& one : tensors) {
      if (one.tensor.empty() || one.tensor.layout() != Layout::rows || !one.tensor.is_contiguous())
        fail(one.name, "is no contiguous tensor; give rows without gaps");
      if (!tensors_.emplace(one.name, one.tensor).second) fail(one.name, "is given twice; give it once");
    }
  }

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors_) names.push_back(name);
    return names;
  }
  std::optional<Tensor> find(std::string_view name) const override {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? std::nullopt : std::optional(found->second);
  }
  void release(const Tensor&) const override {}

  // Throws invalid_argument unless all of the recipe's tensors are there as they were loaded.
  void require_all_of(const WeightRecipe& recipe) const {
    for (const FileTensor& wanted : recipe.tensors) {
      const auto found = find(wanted.name);
      if (!found) fail(wanted.name, "belongs to another one that is replaced; give both");
      if (found->shape() == wanted.shape && found->dtype() == wanted.dtype) continue;
      fail(wanted.name, "is " + text(found->dtype(), found->shape()) + ", the model has " +
                            text(wanted.dtype, wanted.shape) + "; convert it");
    }
  }
  [[noreturn]] void fail(const std::string& name, const std::string& why) const {
    throw Error(ErrorCode::invalid_argument, path_ + ": tensor " + quoted(std::string_view(name)) + " " + why);
  }

 private:
  static std::string text(DType dtype, const Shape& shape) { return std::string(info(dtype).name) + shape.to_string(); }

  std::string path_;
  std::map<std::string, Tensor, std::less<>> tensors_;
};

std::string fingerprint_with(const std::string& before, std::span<const WeightUpdate> tensors) {
  std::string all = before;
  for (const WeightUpdate& one : tensors) {
    const auto n_bytes = static_cast<size_t>(one.tensor.size_bytes());
    all += one.name + hash_window({one.tensor.as<std::byte>(), n_bytes}).hex();
  }
  return hash_window(std::as_bytes(std::span(all))).hex();
}

}  // namespace

std::string Engine::Impl::fingerprint() const {
  const std::lock_guard lock(fingerprint_access_);
  return fingerprint_;
}

FineTuneBase Engine::Impl::fine_tune_base(const std::shared_ptr<Impl>& self) const {
  const auto fail = [&](const char* why) { throw Error(ErrorCode::unsupported, path + ": " + why); };
  if (encoder) fail("is an encoder, over whose weights no fine-tunes run; load each as a model of its own");
  if (!deltas.empty()) fail("was loaded with deltas; load the base, and the fine-tunes over it");
  return {.owner = self,
          .path = path,
          .recipes = model->recipes(),
          .adopted = adopted,
          .backend = *backend,
          .cache = *versions,
          .pool = *pool,
          .fingerprint = fingerprint()};
}

std::shared_ptr<FineTune> Engine::Impl::fine_tune(const std::shared_ptr<Impl>& self,
                                                  const std::vector<std::string>& its_deltas) {
  const std::lock_guard lock(replacing_);
  const FineTuneBase base = fine_tune_base(self);
  if (!replaced_.empty())
    throw Error(ErrorCode::unsupported,
                path + ": its weights have been replaced, and deltas are of those of its files; load it once more");
  auto made = std::make_shared<FineTune>(base, its_deltas);
  std::erase_if(fine_tunes_, [](const auto& known) { return known.expired(); });
  fine_tunes_.push_back(made);
  return made;
}

void Engine::Impl::require_replaceable() {
  if (encoder)
    throw Error(ErrorCode::unsupported, path + ": is an encoder, whose weights stay as they are; load it once more");
  if (std::ranges::all_of(fine_tunes_, [](const auto& known) { return known.expired(); })) return;
  throw Error(ErrorCode::unsupported,
              path + ": fine-tunes run over its weights, which therefore stay; let go of them first");
}

void Engine::Impl::update(std::span<const WeightUpdate> tensors) {
  const std::lock_guard lock(replacing_);
  require_replaceable();
  const GivenWeights given(path, tensors);
  std::set<const WeightRecipe*> recipes;
  std::set<std::string> read;
  for (const WeightRecipe& recipe : model->recipes()) {
    const auto is_given = [&](const FileTensor& tensor) { return given.find(tensor.name).has_value(); };
    if (std::ranges::none_of(recipe.tensors, is_given)) continue;
    given.require_all_of(recipe);
    recipes.insert(&recipe);
    for (const FileTensor& tensor : recipe.tensors) read.insert(tensor.name);
  }
  for (const std::string& name : given.names())
    if (!read.contains(name)) given.fail(name, "is none that the model reads; give the names of its file");
  replace(recipes, given, fingerprint_with(fingerprint(), tensors), [] {});
  replaced_.insert(recipes.begin(), recipes.end());
}

void Engine::Impl::apply_deltas(const std::shared_ptr<Impl>& self, const std::vector<std::string>& its_deltas) {
  const std::lock_guard lock(replacing_);
  require_replaceable();
  const FineTune tuned(fine_tune_base(self), its_deltas);
  const std::vector<const WeightRecipe*> changed = tuned.recipes();
  std::set<const WeightRecipe*> recipes(changed.begin(), changed.end());
  recipes.merge(std::set(replaced_));  // what an earlier update has left and this one does not
  replace(recipes, tuned.file().weights(), tuned.fingerprint(), [&] { tuned.forget_decoded(); });
  replaced_ = std::set(changed.begin(), changed.end());
}

void Engine::Impl::replace(const std::set<const WeightRecipe*>& recipes, const Weights& weights,
                           std::string new_fingerprint, const std::function<void()>& read) {
  std::map<std::string_view, const AdoptedWeight*> by_name;
  for (const AdoptedWeight& weight : adopted) by_name.emplace(weight.name, &weight);
  LoadedWeights loaded;
  WeightLoader loader(weights, loaded);
  runner->replace_weights([&] {
    std::string_view last;  // tensor that was read; weights that share one follow each other
    for (const WeightRecipe* const recipe : recipes) {
      if (std::exchange(last, recipe->tensors.front().name) != recipe->tensors.front().name) read();
      const AdoptedWeight& weight = *by_name.at(recipe->name);
      const Tensor stored = loader.load(*recipe);
      *weight.place = backend->replace(*weight.place, stored, weight.role);
      if (profiler) profiler->remember(*weight.place, weight.name);
      loaded.made.drop(stored.data());
      weights.release(stored);
    }
    const std::lock_guard lock(fingerprint_access_);
    fingerprint_ = std::move(new_fingerprint);
  });
}

}  // namespace tidemill
