#include "compress/delta/peft_adapter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "compress/delta/delta_tensors.h"
#include "formats/safetensors_writer.h"
#include "formats/wording.h"
#include "sys/atomic_file.h"
#include "sys/new_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kPrefix = "base_model.model.";
// Last components of the names of modules that are torch.nn.Embedding.
constexpr std::array<std::string_view, 12> kEmbeddings = {"embed_tokens",
                                                          "embed_positions",
                                                          "word_embeddings",
                                                          "position_embeddings",
                                                          "token_type_embeddings",
                                                          "wte",
                                                          "wpe",
                                                          "tok_embeddings",
                                                          "embed_in",
                                                          "embeddings",
                                                          "shared",
                                                          "embed"};

struct Adapted {
  std::string module;
  const PlanPart* part;
  std::span<const std::byte> code;
  bool is_embedding;

  uint64_t n_columns() const { return part->shape[1]; }
  uint64_t n_rows() const { return part->shape[0]; }
};

// A tensor of the adapter: numbers in bf16, as they are in the code or transposed.
struct Matrix {
  std::string name;
  std::span<const std::byte> numbers;
  uint64_t n_rows, n_columns;
  bool is_transposed;

  SafetensorSpec spec() const {
    const auto dims = is_transposed ? std::pair(n_columns, n_rows) : std::pair(n_rows, n_columns);
    return {name, safetensors_type(DType::bf16), {dims.first, dims.second}};
  }
};

bool can_be_adapted(const PlannedTensor& tensor) {
  const PlanPart& part = *tensor.part;
  return part.code == PartCode::low_rank && part.n_bytes == tensor.n_bytes && part.shape.size() == 2 &&
         part.tensor.ends_with(kWeight) && part.tensor.size() > kWeight.size();
}

bool is_embedding(std::string_view module) {
  const std::string_view last = module.substr(module.rfind('.') + 1);
  return std::ranges::find(kEmbeddings, last) != kEmbeddings.end();
}

std::vector<Adapted> adapted_modules(const DeltaFile& delta, std::vector<std::string>& left_out) {
  std::vector<Adapted> modules;
  for (const PlannedTensor& tensor : planned_tensors(delta)) {
    if (tensor.n_coded_bytes == 0) continue;
    if (!can_be_adapted(tensor)) {
      left_out.push_back(tensor.part->tensor);
      continue;
    }
    const std::string module = tensor.part->tensor.substr(0, tensor.part->tensor.size() - kWeight.size());
    const auto code = delta.code(tensor.part->first_code);
    const uint64_t n_numbers = (tensor.part->shape[0] + tensor.part->shape[1]) * tensor.part->rank;
    if (code.size() != n_numbers * 2)
      throw Error(ErrorCode::bad_file, delta.path() + ": tensor " + quoted(std::string_view(tensor.part->tensor)) +
                                           ": its code has another size than its matrices; the file is damaged, get "
                                           "it anew");
    modules.push_back({module, tensor.part, code, is_embedding(module)});
  }
  return modules;
}

std::vector<Matrix> matrices_of(const std::vector<Adapted>& modules) {
  std::vector<Matrix> matrices;
  for (const Adapted& module : modules) {
    const uint64_t rank = module.part->rank, n_bytes = module.n_rows() * rank * 2;
    const auto a = module.code.first(n_bytes), b = module.code.subspan(n_bytes);
    const std::string name = std::string(kPrefix) + module.module;
    if (module.is_embedding) {
      matrices.push_back({name + ".lora_embedding_A", a, module.n_rows(), rank, true});
      matrices.push_back({name + ".lora_embedding_B", b, rank, module.n_columns(), true});
    } else {
      matrices.push_back({name + ".lora_A.weight", b, rank, module.n_columns(), false});
      matrices.push_back({name + ".lora_B.weight", a, module.n_rows(), rank, false});
    }
  }
  return matrices;
}

void write_matrix(SafetensorsWriter& writer, const Matrix& matrix) {
  if (!matrix.is_transposed) return writer.write(matrix.numbers);
  std::vector<std::byte> column(matrix.n_rows * 2);
  for (uint64_t index = 0; index < matrix.n_columns; ++index) {
    for (uint64_t row = 0; row < matrix.n_rows; ++row)
      std::memcpy(&column[row * 2], &matrix.numbers[(row * matrix.n_columns + index) * 2], 2);
    writer.write(column);
  }
}

uint64_t write_weights(const std::string& path, const std::vector<Adapted>& modules) {
  const std::vector<Matrix> matrices = matrices_of(modules);
  std::map<std::string_view, const Matrix*> by_name;
  std::vector<SafetensorSpec> specs;
  uint64_t n_bytes = 0;
  for (const Matrix& matrix : matrices) {
    by_name[matrix.name] = &matrix;
    specs.push_back(matrix.spec());
    n_bytes += matrix.numbers.size();
  }
  sort_as_library(specs);
  SafetensorsWriter writer(path, specs, {{"format", "pt"}}, 8);
  for (const SafetensorSpec& spec : specs) write_matrix(writer, *by_name.at(spec.name));
  writer.finish();
  return n_bytes;
}

// The rank that most modules have.
uint32_t usual_rank(const std::vector<Adapted>& modules) {
  std::map<uint32_t, size_t> n_of;
  for (const Adapted& module : modules) ++n_of[module.part->rank];
  return std::ranges::max_element(n_of, {}, [](const auto& entry) { return entry.second; })->first;
}

// The fields of PEFT's LoraConfig.  alpha / r is 1 everywhere: the factors are whole.
std::string configuration(const std::vector<Adapted>& modules, const std::string& base_name) {
  const uint32_t rank = usual_rank(modules);
  ordered_json names = ordered_json::array(), others = ordered_json::object();
  for (const Adapted& module : modules) {
    names.push_back(module.module);
    if (module.part->rank != rank) others[module.module] = module.part->rank;
  }
  ordered_json config = {{"peft_type", "LORA"},
                         {"base_model_name_or_path", nullptr},
                         {"task_type", nullptr},
                         {"inference_mode", true},
                         {"r", rank},
                         {"lora_alpha", rank},
                         {"rank_pattern", others},
                         {"alpha_pattern", others},
                         {"lora_dropout", 0.0},
                         {"target_modules", names},
                         {"bias", "none"},
                         {"fan_in_fan_out", false},
                         {"use_rslora", false},
                         {"init_lora_weights", true}};
  if (!base_name.empty()) config["base_model_name_or_path"] = base_name;
  return config.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

WrittenAdapter write_peft_adapter(const DeltaFile& delta, const std::string& out, const std::string& base_name) {
  const auto is_gguf = [](const PlanFile& file) { return file.name.ends_with(".gguf"); };
  if (std::ranges::any_of(delta.plan().files, is_gguf))
    throw Error(ErrorCode::unsupported, delta.path() +
                                            ": restores a GGUF, whose tensors have other names than the modules of an "
                                            "adapter; make the delta of the model in safetensors");
  WrittenAdapter written;
  const std::vector<Adapted> modules = adapted_modules(delta, written.left_out);
  if (modules.empty())
    throw Error(ErrorCode::unsupported, delta.path() + ": no weight in it is a product of thin matrices; make it by " +
                                            "`tidemill delta make --mode lowrank`");
  NewFolder folder(out);
  const std::string config = configuration(modules, base_name);
  written.n_modules = modules.size();
  written.n_bytes = config.size() + write_weights(folder.file("adapter_model.safetensors"), modules);
  AtomicFile file(folder.file("adapter_config.json"));
  file.write(config);
  file.commit();
  folder.commit();
  return written;
}

}  // namespace tidemill
