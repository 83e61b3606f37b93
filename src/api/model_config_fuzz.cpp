// Fuzz target: any JSON as the configuration of a model, {"config": config.json, "tensors": {NAME: [DTYPE, DIM...]}}.
// Either the configuration is refused by an error that names its file or the weights', or there is a model whose
// weights can be listed and whose memory can be planned, as `tidemill info` does.  All of it is quick: tensors are
// views of one block of zeros.  Seeds: tests/fuzz/corpus/model_config, made by tests/fuzz/make_model_config_corpus.py.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "api/memory_plan.h"
#include "formats/json_file.h"
#include "formats/weights.h"
#include "models/registry.h"
#include "tensor/storage.h"
#include "tidemill/error.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace tidemill {
namespace {

using nlohmann::json;

constexpr int64_t kBlockBytes = 1 << 20;
constexpr int64_t kPlannedContext = 512;  // positions
const std::string kConfigPath = "fuzz/config.json", kWeightsPath = "fuzz/model.safetensors";

void require(bool holds) {
  if (!holds) std::abort();
}

// What a file whose header has these tensors would give; those that make no sense, or larger than the block, are left
// out, as readers of files refuse them.
class ZeroWeights final : public Weights {
 public:
  explicit ZeroWeights(const json& tensors) {
    if (!tensors.is_object()) return;
    for (const auto& [name, description] : tensors.items()) add(name, description);
  }

  const std::string& path() const override { return kWeightsPath; }
  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const auto& [name, tensor] : tensors_) result.push_back(name);
    return result;
  }
  std::optional<Tensor> find(std::string_view name) const override {
    const auto found = tensors_.find(std::string(name));
    if (found == tensors_.end()) return {};
    return found->second;
  }
  void release(const Tensor&) const override {}

 private:
  void add(const std::string& name, const json& description) {
    if (!description.is_array() || description.empty() || description.size() > kMaxRank + 1) return;
    constexpr std::pair<std::string_view, DType> kDtypes[] = {
        {"F32", DType::f32}, {"F16", DType::f16}, {"BF16", DType::bf16}, {"U8", DType::u8}, {"I64", DType::i64}};
    const auto* const dtype =
        std::ranges::find_if(kDtypes, [&](const auto& row) { return description.front() == json(row.first); });
    if (dtype == std::end(kDtypes)) return;
    std::vector<int64_t> dims;
    int64_t n_elements = 1;
    for (size_t axis = 1; axis < description.size(); ++axis) {
      const json& dim = description[axis];
      if (!dim.is_number_unsigned() || dim.get<uint64_t>() > uint64_t{kBlockBytes}) return;
      dims.push_back(dim.get<int64_t>());
      n_elements *= dims.back();
      if (n_elements > kBlockBytes / 8) return;
    }
    tensors_.emplace(name, Tensor(zeros().data(), dtype->second, Shape(dims)));
  }

  static const Storage& zeros() {
    static const Storage block = [] {
      Storage made(kBlockBytes);
      std::fill_n(made.data(), kBlockBytes, std::byte{0});
      return made;
    }();
    return block;
  }

  std::map<std::string, Tensor> tensors_;
};

void describe(const json& config, const json& tensors) {
  const ZeroWeights weights(tensors);
  const auto model = make_model({.weights = weights, .config = &config, .config_path = kConfigPath});
  const ModelConfig& sizes = model->config();
  require(sizes.context_length > 0 && sizes.vocab_size > 0 && sizes.d_model > 0 && sizes.n_layers > 0);
  model->visit_params(
      [](std::string_view name, Tensor& weight, WeightRole) { require(!name.empty() && !weight.empty()); });
  const MemoryNeed need = plan_memory(*model, std::min(sizes.context_length, kPlannedContext), 1, DType::f16,
                                      {.max_batch_tokens = 4, .max_sequences = 1});
  require(need.weights > 0 && need.state >= 0 && need.activations > 0);
}

json parsed(const uint8_t* data, size_t size) {
  try {
    return parse_json({reinterpret_cast<const char*>(data), size}, kConfigPath);
  } catch (const Error&) {
    return nullptr;
  }
}

// Values that readers of numbers, flags, names and lists find hard.
json odd_value(std::mt19937& random) {
  static const json kValues = parse_json(
      R"([0, -1, 1, 2, 3, 7, 16, 128, 4096, 65536, 1048576, 1073741824, 9223372036854775807, 9223372036854775808,
          -9223372036854775808, 18446744073709551615, 1e30, 1e300, 0.5, 2.5, 1e-45, -0.0, NaN, Infinity, true, false,
          null, "", "x", "6", "linear", "dynamic", "llama3", "yarn", "longrope", "default", "gelu", "relu", [], [1],
          [0.5, 2.0], ["full_attention"], [[]], {}, {"rope_type": "yarn", "factor": 4.0}, {"rope_theta": 10000.0},
          {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [2.0]}])",
      "values");
  return kValues[random() % kValues.size()];
}

// A value anywhere within `root`; now and then one that holds others.
json& any_value(json& root, std::mt19937& random) {
  json* at = &root;
  while (at->is_structured() && !at->empty() && (at == &root || random() % 8 != 0))
    at = &*std::next(at->begin(), static_cast<ptrdiff_t>(random() % at->size()));
  return *at;
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const json document = parsed(data, size);
  if (!document.is_object() || !document.contains("config")) return -1;
  try {
    describe(document["config"], document.value("tensors", json()));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_file && error.code() != ErrorCode::unsupported) throw;
    require(std::string_view(error.what()).starts_with("fuzz/"));
  }
  return 0;
}

// Replaces or removes values, so that most inputs are still documents; sometimes changes bytes instead.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  using namespace tidemill;
  std::mt19937 random(seed);
  json document = parsed(data, size);
  if (!document.is_object() || random() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  json& part = document[random() % 4 == 0 ? "tensors" : "config"];
  for (size_t n_changes = 1 + random() % 2; n_changes > 0; --n_changes) {
    if (random() % 6 == 0 && part.is_object() && !part.empty()) {
      part.erase(std::next(part.begin(), static_cast<ptrdiff_t>(random() % part.size())));
    } else if (json& value = any_value(part, random); value.is_number_integer() && random() % 2 == 0) {
      value = static_cast<int64_t>(value.get<uint64_t>() + random() % 3 - 1);
    } else {
      value = odd_value(random);
    }
  }
  const std::string text = document.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::ranges::copy(text, data);
  return text.size();
}
