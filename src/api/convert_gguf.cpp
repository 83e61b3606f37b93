// From a GGUF, or a .tmill that was made from one, the metadata are kept as they are; else they are made from the
// model's configuration and its tokenizer's files.
#include "api/convert_gguf.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>
#include <vector>

#include "api/byte_pipeline.h"
#include "api/gguf_tokenizer_entries.h"
#include "api/plain_rows.h"
#include "api/written_source.h"
#include "formats/gguf_writer.h"
#include "models/registry.h"
#include "sys/atomic_file.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// What llama.cpp's operations want in f32, whatever the others are.
constexpr std::array<std::string_view, 10> kInF32 = {
    "ffn_gate_inp.",  "position_embd.",     "token_types.",       "attn_rel_b.",    "ssm_conv1d.",
    "time_mix_first", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_lerp_", "time_mix_decay_w"};

// Keys that speak of the file they are in.
constexpr std::array<std::string_view, 3> kOfTheFile = {"general.alignment", "general.file_type",
                                                        "general.quantization_version"};

// llama.cpp's numbers of files most of whose weights are of one dtype (enum llama_ftype).
constexpr std::pair<DType, uint32_t> kFileTypes[] = {
    {DType::f32, 0},   {DType::f16, 1},   {DType::q4_0, 2},    {DType::q4_1, 3},    {DType::q8_0, 7},
    {DType::q5_0, 8},  {DType::q5_1, 9},  {DType::q2_k, 10},   {DType::q3_k, 11},   {DType::q4_k, 14},
    {DType::q5_k, 16}, {DType::q6_k, 18}, {DType::iq4_nl, 25}, {DType::iq4_xs, 30}, {DType::bf16, 32}};

std::optional<uint32_t> file_type(DType dtype) {
  const auto* const found = std::ranges::find(kFileTypes, dtype, &std::pair<DType, uint32_t>::first);
  return found == std::end(kFileTypes) ? std::nullopt : std::optional(found->second);
}

// Of the block formats as ggml has them today (GGML_QNT_VERSION).
constexpr uint32_t kQuantizationVersion = 2;

// What is written, in the order of the file.
class GgufContent {
 public:
  GgufContent(const ModelFile& file, FileTarget target, std::optional<DType> dtype, std::unique_ptr<Model> model);

  int64_t write(ThreadPool& pool, const std::function<bool(double share)>& on_progress) const;
  int64_t n_tensors() const { return std::ssize(specs_); }

 private:
  void add(const std::string& name, const Shape& shape, DType dtype, ByteSource source);
  void add_table(const std::string& name, const std::vector<float>& numbers);
  void copy_tensors(const GgufFile& gguf);
  void make_tensors(Model& model, const FileForm& form);
  void copy_metadata(const GgufFile& gguf, bool has_own_weights);
  void add_file_type();
  void make_metadata(const Model& model, const FileForm& form);
  DType dtype_of(const std::string& name, DType own, bool is_matrix) const;

  const ModelFile& file_;
  FileTarget target_;
  std::optional<DType> wanted_;
  std::unique_ptr<Model> model_;
  GgufEntries entries_;
  std::vector<GgufTensorSpec> specs_;
  std::vector<ByteSource> sources_;  // of each of them
};

GgufContent::GgufContent(const ModelFile& file, FileTarget target, std::optional<DType> dtype,
                         std::unique_ptr<Model> model)
    : file_(file), target_(std::move(target)), wanted_(dtype), model_(std::move(model)) {
  const bool has_own_weights = model_ != nullptr;
  const GgufFile* const gguf = file.source().gguf;
  if (gguf != nullptr) copy_metadata(*gguf, has_own_weights);
  if (gguf != nullptr && !file.weights().is_packed() && !has_own_weights) {
    copy_tensors(*gguf);
    return;
  }
  if (!model_) model_ = make_model(file.source());
  const FileForm form = model_->form_in(target_);
  if (gguf == nullptr) make_metadata(*model_, form);
  make_tensors(*model_, form);
  if (has_own_weights) add_file_type();
}

DType GgufContent::dtype_of(const std::string& name, DType own, bool is_matrix) const {
  if (!is_matrix || is_f32_in_gguf(name)) return info(own).is_float || info(own).is_quantized() ? DType::f32 : own;
  if (wanted_) return *wanted_;
  if (gguf_has(own)) return own;
  throw Error(ErrorCode::invalid_argument, target_.path + ": tensor '" + name + "' is " + std::string(info(own).name) +
                                               ", which GGUF does not have; add --dtype f16, bf16 or f32");
}

void GgufContent::add(const std::string& name, const Shape& shape, DType dtype, ByteSource source) {
  specs_.push_back({name, dtype, shape});
  sources_.push_back(std::move(source));
}

void GgufContent::add_table(const std::string& name, const std::vector<float>& numbers) {
  add(name, {std::ssize(numbers)}, DType::f32,
      {.n_units = std::ssize(numbers),
       .unit_bytes = sizeof(float),
       .make = [numbers](int64_t begin, int64_t end, std::byte* to) {
         write_row(std::span(numbers).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), DType::f32,
                   to);
       }});
}

void GgufContent::copy_tensors(const GgufFile& gguf) {
  for (const std::string& name : gguf.names()) {
    const Tensor tensor = *gguf.find(name);
    const bool is_to_change = wanted_ && tensor.shape().rank() > 1;
    const DType dtype = is_to_change ? dtype_of(name, tensor.dtype(), true) : tensor.dtype();
    add(name, tensor.shape(), dtype, plain_source(gguf, tensor, dtype));
  }
}

void GgufContent::make_tensors(Model& model, const FileForm& form) {
  const bool has_tables = file_.source().gguf != nullptr;
  for (const auto& [name, numbers] : form.tables) {
    if (!has_tables || file_.source().gguf->find(name)) add_table(name, numbers);
  }
  for (const WrittenTensor& tensor : written_weights(model, form, target_)) {
    const DType dtype = dtype_of(tensor.name, tensor.dtype, tensor.is_matrix);
    const bool is_packed = tensor.parts[0].weight.layout() != Layout::rows;
    if (is_packed && info(dtype).is_quantized())
      target_.fail("a .tmill keeps " + std::string(info(dtype).name) + " in another order");
    add(tensor.name, tensor.shape, dtype, written_source(file_.weights(), tensor, dtype));
  }
}

// What the file says of its dtypes is of another file when they change.
void GgufContent::copy_metadata(const GgufFile& gguf, bool has_own_weights) {
  const bool changes = wanted_ || has_own_weights;
  for (const auto& [key, entry] : gguf.entries()) {
    const bool is_of_file = changes ? std::ranges::find(kOfTheFile, key) != kOfTheFile.end() : key == kOfTheFile[0];
    if (!is_of_file) entries_.add_entry(entry);
  }
  if (wanted_) entries_.add("general.file_type", *file_type(*wanted_));
}

// By the dtype that has the most weights.
void GgufContent::add_file_type() {
  std::array<int64_t, kDTypeCount> n_weights{};
  for (const GgufTensorSpec& spec : specs_)
    if (spec.shape.rank() > 1) n_weights[static_cast<size_t>(spec.dtype)] += spec.shape.n_elements();
  const auto most = std::ranges::max_element(n_weights) - n_weights.begin();
  if (const auto type = file_type(static_cast<DType>(most))) entries_.add("general.file_type", *type);
  if (info(static_cast<DType>(most)).is_quantized()) entries_.add("general.quantization_version", kQuantizationVersion);
}

void GgufContent::make_metadata(const Model& model, const FileForm& form) {
  entries_.add_text("general.architecture", form.architecture);
  entries_.add_text("general.type", "model");
  if (const std::string name = file_.name(); !name.empty()) entries_.add_text("general.name", name);
  for (const auto& [name, value] : form.fields.items()) {
    const std::string key = form.architecture + "." + name;
    if (value.is_boolean()) {
      entries_.add_flag(key, value.get<bool>());
    } else if (value.is_string()) {
      entries_.add_text(key, value.get<std::string>());
    } else if (value.is_number_integer()) {
      entries_.add(key, value.get<uint32_t>());
    } else {
      entries_.add(key, value.get<float>());
    }
  }
  add_tokenizer_entries(*file_.companions(), file_.source(), model.config().vocab_size, target_, entries_);
}

int64_t GgufContent::write(ThreadPool& pool, const std::function<bool(double share)>& on_progress) const {
  const std::string head = gguf_head(entries_, specs_);
  int64_t n_total = 0, n_done = 0;
  for (const ByteSource& source : sources_) n_total += source.size_bytes();
  AtomicFile file(target_.path);
  file.reserve(n_total + std::ssize(head));
  file.write(head);
  const auto progress = [&](int64_t n_bytes) {
    n_done += n_bytes;
    const double share = std::min(1.0, static_cast<double>(n_done) / static_cast<double>(n_total));
    if (on_progress && !on_progress(share))
      throw Error(ErrorCode::cancelled, target_.path + ": interrupted; nothing is kept");
  };
  BytePipeline pipeline(pool, [&](std::span<const std::byte> piece) { file.write(piece); }, progress);
  for (const ByteSource& source : sources_) {
    pipeline.write(source);
    pipeline.write({.bytes = gguf_padding(static_cast<uint64_t>(source.size_bytes()))});
  }
  pipeline.finish();
  file.commit();
  return n_total;
}

}  // namespace

bool is_f32_in_gguf(std::string_view name) {
  return std::ranges::any_of(kInF32, [&](std::string_view part) { return name.find(part) != name.npos; });
}

ConvertReport write_gguf(const ModelFile& file, const std::string& out, const ConvertOptions& options,
                         std::unique_ptr<Model> model) {
  const GgufContent content(file, {FileKind::gguf, out}, options.dtype, std::move(model));
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_info().n_cores);
  return {.format = "gguf", .n_tensors = content.n_tensors(), .n_bytes = content.write(pool, options.on_progress)};
}

}  // namespace tidemill
