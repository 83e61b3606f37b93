#include "api/convert_folder.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/convert_plain.h"
#include "api/gguf_description.h"
#include "api/gguf_fields.h"
#include "api/tensor_stream.h"
#include "api/written_source.h"
#include "formats/group_scheme.h"
#include "models/registry.h"
#include "sys/atomic_file.h"
#include "sys/new_folder.h"
#include "text/readers/tokenizer_json.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr int64_t kShardBytes = 5'000'000'000;  // as transformers cuts large models

void write_file(const NewFolder& folder, const std::string& name, std::string_view text) {
  AtomicFile file(folder.file(name));
  file.write(text);
  file.commit();
}

std::string torch_name(DType dtype) {
  return dtype == DType::f16 ? "float16" : dtype == DType::bf16 ? "bfloat16" : "float32";
}

constexpr const char* kQuantization = "quantization_config";

// config.json of other weights: what it says of codes in groups is of theirs.
std::string config_with(const ModelFile& file, std::string_view text, const ordered_json& quantization) {
  const ModelSource source = file.source();
  if (quantization.is_null() && !group_scheme(*source.config, source.config_path)) return std::string(text);
  ordered_json config = ordered_json::parse(text);
  config.erase(kQuantization);
  if (!quantization.is_null()) config[kQuantization] = quantization;
  return config.dump(2) + "\n";
}

// Whether the folder of `file` has all these names, so that its own config.json describes them.
bool has_names(const ModelFile& file, Model& model, const FileForm& form, const FileTarget& target) {
  return std::ranges::all_of(written_weights(model, form, target),
                             [&](const WrittenTensor& tensor) { return file.weights().find(tensor.name).has_value(); });
}

class FolderContent {
 public:
  FolderContent(const ModelFile& file, const std::string& out, const ConvertOptions& options,
                std::unique_ptr<Model> model)
      : file_(file), options_(options), target_{FileKind::folder, out}, model_(std::move(model)) {}

  ConvertReport write();
  ConvertReport write(const FolderWeights& weights);

 private:
  void write_companions(const NewFolder& folder, const FileForm& form, DType dtype,
                        const ordered_json& quantization) const;
  void write_tokenizer(const NewFolder& folder, const GgufFile& gguf) const;
  std::vector<StreamedTensor> tensors(const FileForm& form, DType& dtype) const;
  int64_t write_weights(const NewFolder& folder, const std::vector<StreamedTensor>& tensors) const;

  const ModelFile& file_;
  const ConvertOptions& options_;
  FileTarget target_;
  std::unique_ptr<Model> model_;
};

std::vector<StreamedTensor> FolderContent::tensors(const FileForm& form, DType& matrix_dtype) const {
  std::vector<StreamedTensor> result;
  for (const WrittenTensor& tensor : written_weights(*model_, form, target_)) {
    const DType dtype = !tensor.is_matrix ? DType::f32 : options_.dtype.value_or(tensor.dtype);
    if (safetensors_type(dtype) == nullptr)
      throw Error(ErrorCode::invalid_argument, target_.path + ": tensor '" + tensor.name + "' is " +
                                                   std::string(info(dtype).name) +
                                                   ", which safetensors does not have; add --dtype f16, bf16 or f32");
    if (tensor.is_matrix) matrix_dtype = dtype;
    result.push_back(
        {safetensor_spec(tensor.name, dtype, tensor.shape), written_source(file_.weights(), tensor, dtype)});
  }
  return result;
}

// One file, or several with an index.
int64_t FolderContent::write_weights(const NewFolder& folder, const std::vector<StreamedTensor>& all) const {
  std::vector<std::vector<StreamedTensor>> shards(1);
  int64_t n_total = 0, n_shard = 0;
  for (const StreamedTensor& tensor : all) {
    const int64_t n_bytes = tensor.source.size_bytes();
    if (n_shard > 0 && n_shard + n_bytes > kShardBytes) {
      shards.emplace_back();
      n_shard = 0;
    }
    shards.back().push_back(tensor);
    n_shard += n_bytes;
    n_total += n_bytes;
  }
  ThreadPool pool(options_.threads > 0 ? options_.threads : cpu_info().n_cores);
  ordered_json places;
  int64_t n_done = 0;
  for (size_t index = 0; index < shards.size(); ++index) {
    char name[64] = "model.safetensors";
    if (shards.size() > 1)
      std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", index + 1, shards.size());
    int64_t n_bytes = 0;
    for (const StreamedTensor& tensor : shards[index]) {
      places[tensor.spec.name] = name;
      n_bytes += tensor.source.size_bytes();
    }
    const auto progress = [&](double share) {
      const double done = static_cast<double>(n_done) + share * static_cast<double>(n_bytes);
      return !options_.on_progress || options_.on_progress(done / static_cast<double>(n_total));
    };
    write_tensors(folder.file(name), shards[index], {{"format", "pt"}}, pool, progress);
    n_done += n_bytes;
  }
  if (shards.size() > 1) {
    const ordered_json index{{"metadata", {{"total_size", n_total}}}, {"weight_map", places}};
    write_file(folder, "model.safetensors.index.json", index.dump(2) + "\n");
  }
  return n_total;
}

void FolderContent::write_companions(const NewFolder& folder, const FileForm& form, DType dtype,
                                     const ordered_json& quantization) const {
  if (const auto companions = file_.companions()) {
    for (const std::string& name : kept_files(*companions)) write_file(folder, name, companions->text(name));
    return write_file(folder, "config.json", config_with(file_, companions->text("config.json"), quantization));
  }
  const GgufFile& gguf = *file_.source().gguf;
  ordered_json config{{"architectures", {form.architecture}}};
  config.update(form.fields);
  config["torch_dtype"] = torch_name(dtype);
  if (!quantization.is_null()) config[kQuantization] = quantization;
  ordered_json generation = ordered_json::object();
  config["pad_token_id"] =
      nullptr;  // where a file has none; the default of some architectures is past small vocabularies
  for (const char* const key : {"bos", "eos", "padding"}) {
    const auto id = gguf.integer(gguf_tokenizer::kPrefix + key + "_token_id");
    const std::string field = std::string(key == std::string_view("padding") ? "pad" : key) + "_token_id";
    if (id && *id < model_->config().vocab_size) config[field] = generation[field] = *id;
  }
  write_file(folder, "config.json", config.dump(2) + "\n");
  write_file(folder, "generation_config.json", generation.dump(2) + "\n");
  write_tokenizer(folder, gguf);
}

void FolderContent::write_tokenizer(const NewFolder& folder, const GgufFile& gguf) const {
  if (file_.tokenizer_kind().empty() || file_.tokenizer_kind() == "no_vocab") return;
  const TokenizerDescription description = describe_gguf(gguf);
  write_file(folder, "tokenizer.json", write_tokenizer_json(description));
  ordered_json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                      {"model_max_length", model_->config().context_length},
                      {"clean_up_tokenization_spaces", false},
                      {"model_input_names", {"input_ids", "attention_mask"}}};  // decoders take no types
  const StringList& tokens = gguf_tokenizer::read_tokens(gguf);
  for (const auto& [key, field] :
       {std::pair("bos", "bos_token"), {"eos", "eos_token"}, {"padding", "pad_token"}, {"unknown", "unk_token"}}) {
    const int32_t id = gguf_tokenizer::read_id(gguf, std::string(key) + "_token_id", tokens.size(), -1);
    if (id >= 0) config[field] = tokens[static_cast<size_t>(id)];
  }
  write_file(folder, "tokenizer_config.json", config.dump(2) + "\n");
  if (const auto chat_template = gguf.string("tokenizer.chat_template"))
    write_file(folder, "chat_template.jinja", *chat_template);
}

ConvertReport FolderContent::write() {
  const bool is_folder = file_.source().gguf == nullptr && !file_.weights().is_packed();
  const FileForm form = is_folder ? FileForm() : model_->form_in(target_);
  DType dtype = DType::f32;
  const std::vector<StreamedTensor> all = is_folder ? plain_tensors(file_, options_) : tensors(form, dtype);
  NewFolder folder(target_.path);
  write_companions(folder, form, dtype, {});
  const int64_t n_bytes = write_weights(folder, all);
  folder.commit();
  return {.format = "folder", .n_tensors = std::ssize(all), .n_bytes = n_bytes};
}

ConvertReport FolderContent::write(const FolderWeights& weights) {
  if (file_.companions() != nullptr && !file_.weights().is_packed() &&
      !has_names(file_, *model_, weights.form, target_))
    target_.fail("its tensors have names that folders of this architecture do not have");
  NewFolder folder(target_.path);
  write_companions(folder, weights.form, DType::f16, weights.quantization);
  const int64_t n_bytes = write_weights(folder, weights.tensors);
  folder.commit();
  return {.format = "folder", .n_tensors = std::ssize(weights.tensors), .n_bytes = n_bytes};
}

}  // namespace

bool is_folder_name(const std::string& out) {
  std::error_code ignored;
  return out.ends_with('/') || fs::is_directory(out, ignored);
}

ConvertReport write_folder(const ModelFile& file, const std::string& out, const ConvertOptions& options) {
  return FolderContent(file, out, options, make_model(file.source())).write();
}

ConvertReport write_folder(const ModelFile& file, const std::string& out, const ConvertOptions& options,
                           const FolderWeights& weights, std::unique_ptr<Model> model) {
  return FolderContent(file, out, options, std::move(model)).write(weights);
}

}  // namespace tidemill
