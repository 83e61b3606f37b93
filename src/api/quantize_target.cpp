#include "api/quantize_target.h"

#include <cmath>
#include <utility>

#include "api/convert_folder.h"
#include "api/convert_gguf.h"
#include "api/convert_tmill.h"
#include "api/group_folder.h"
#include "compress/quantize/block_choice.h"
#include "compress/quantize/block_coder.h"
#include "formats/gguf_writer.h"
#include "formats/tmill.h"
#include "sys/spill_file.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// What the best method chooses from, as far as the file has it.
constexpr DType kCandidates[] = {DType::q2_k,   DType::q2_g128, DType::q3_k, DType::q3_g128,
                                 DType::iq4_xs, DType::q4_g128, DType::q4_k, DType::q5_k,
                                 DType::q6_k,   DType::iq4_nl,  DType::q5_1, DType::q8_0};

constexpr int64_t kUsualGroup = 128;  // of folders

int whole_bits(const QuantizeOptions& options) {
  if (options.bits == std::floor(options.bits)) return static_cast<int>(options.bits);
  throw Error(ErrorCode::invalid_argument,
              "--bits: only the best method, which mixes formats of GGUF and .tmill, takes fractions");
}

// A GGUF or a .tmill: matrices in blocks.
class BlockTarget final : public QuantizeTarget {
 public:
  BlockTarget(const ModelFile& file, const std::string& out, const QuantizeOptions& options)
      : file_(file), out_(out), options_(options), is_gguf_(out.ends_with(".gguf")), codes_(out) {
    check();
  }

  std::optional<CodeFormat> format_for(std::string_view name, const Tensor& weight, WeightRole role) const override {
    if (role == WeightRole::vector || weight.shape().rank() != 2 || is_plain(name)) return {};
    const auto dtype = dtype_for(weight.dim(1));
    return dtype ? std::optional(CodeFormat{*dtype}) : std::nullopt;
  }

  std::vector<CodeFormat> choices_for(int64_t n_cols) const override {
    std::vector<CodeFormat> choices;
    for (const DType dtype : kCandidates)
      if (!options_.type && n_cols % info(dtype).block_length == 0 && (!is_gguf_ || gguf_has(dtype)))
        choices.push_back({dtype});
    return choices;
  }

  int64_t plain_bytes(std::string_view name, const Tensor& weight, WeightRole role) const override {
    const DType kept = role == WeightRole::vector || is_plain(name) ? DType::f32 : weight.dtype();
    return weight.n_elements() / info(kept).block_length * info(kept).block_bytes;
  }

  void put(const std::string&, CodedMatrix codes, Tensor& weight) override {
    const Storage& blocks = codes.blocks();
    const auto kept = codes_.keep({blocks.data(), static_cast<size_t>(blocks.size_bytes())});
    weight = Tensor(const_cast<std::byte*>(kept.data()), codes.format().dtype, weight.shape());
  }

  ConvertReport write(const ConvertOptions& options, std::unique_ptr<Model> model) override {
    return (is_gguf_ ? write_gguf : write_tmill)(file_, out_, options, std::move(model));
  }

 private:
  void check() const;
  bool is_plain(std::string_view name) const { return is_gguf_ && is_f32_in_gguf(name); }
  std::optional<DType> dtype_for(int64_t n_cols) const;

  const ModelFile& file_;
  const std::string& out_;
  const QuantizeOptions& options_;
  bool is_gguf_;
  SpillFile codes_;
};

void BlockTarget::check() const {
  if (options_.layout)
    throw Error(ErrorCode::invalid_argument,
                "--layout: says how a folder holds matrices; name a folder, NAME/, or leave it out");
  if (options_.is_ordered)
    throw Error(ErrorCode::invalid_argument, "--act-order: blocks have their inputs in order; write a folder");
  if (!options_.type) return;
  const std::string name(info(*options_.type).name);
  if (!is_made_in_blocks(*options_.type))
    throw Error(ErrorCode::invalid_argument,
                "--type: no matrix is made in " + name + "; give one of " + std::string(kBlockNames));
  if (is_gguf_ && !gguf_has(*options_.type))
    throw Error(ErrorCode::invalid_argument, "--type: GGUF does not have " + name + "; write NAME.tmill");
}

std::optional<DType> BlockTarget::dtype_for(int64_t n_cols) const {
  if (options_.type) return block_like(*options_.type, n_cols);
  if (options_.method == QuantizeMethod::best)  // until there is a plan
    return block_like(options_.bits < 3.8 ? DType::q3_k : DType::q4_k, n_cols);
  return block_for({.bits = whole_bits(options_),
                    .group_size = options_.group_size,
                    .is_symmetric = options_.is_symmetric,
                    .has_groups = !is_gguf_},
                   n_cols);
}

// A folder: matrices in groups, all of one kind.
class FolderTarget final : public QuantizeTarget {
 public:
  FolderTarget(const ModelFile& file, Model& model, const std::string& out, const QuantizeOptions& options)
      : kind_(checked(options)), folder_(file, model, {layout_of(options), kind_}, out) {}

  std::optional<CodeFormat> format_for(std::string_view name, const Tensor&, WeightRole) const override {
    if (!folder_.holds(std::string(name))) return {};
    return CodeFormat{.groups = kind_};
  }

  std::vector<CodeFormat> choices_for(int64_t) const override { return {}; }

  int64_t plain_bytes(std::string_view, const Tensor& weight, WeightRole role) const override {
    const bool is_kept = role != WeightRole::vector && !info(weight.dtype()).is_quantized();
    return weight.n_elements() * (is_kept ? info(weight.dtype()).block_bytes : info(DType::f32).block_bytes);
  }

  void put(const std::string& name, CodedMatrix codes, Tensor&) override {
    folder_.add(name, std::move(codes.groups()));
  }

  ConvertReport write(const ConvertOptions& options, std::unique_ptr<Model> model) override {
    return folder_.write(options, std::move(model));
  }

 private:
  static GroupFormat layout_of(const QuantizeOptions& options) {
    switch (options.layout.value_or(GroupLayout::compressed_tensors)) {
      case GroupLayout::awq:
        return GroupFormat::awq;
      case GroupLayout::gptq:
        return GroupFormat::gptq;
      case GroupLayout::gptq_v2:
        return GroupFormat::gptq_v2;
      case GroupLayout::compressed_tensors:
        break;
    }
    return GroupFormat::compressed_tensors;
  }
  static GroupKind checked(const QuantizeOptions& options);

  GroupKind kind_;
  GroupFolder folder_;
};

GroupKind FolderTarget::checked(const QuantizeOptions& options) {
  const auto refuse = [](const std::string& why) { throw Error(ErrorCode::invalid_argument, why); };
  const bool has_feedback = options.method == QuantizeMethod::gptq || options.method == QuantizeMethod::best;
  if (options.type) refuse("--type: blocks are of GGUF and .tmill; give --bits and --group-size for a folder");
  if (options.is_ordered && (options.layout == GroupLayout::awq || !has_feedback))
    refuse("--act-order: only gptq and best take inputs in another order, which AWQ's layout does not hold");
  const int64_t group_size = options.group_size == 0 ? kUsualGroup : options.group_size;
  if (group_size < -1 || (group_size > 0 && group_size % 8 != 0))
    refuse("--group-size: give a multiple of 8, as 32, 64 or 128, or -1 for whole rows");
  return {
      .bits = whole_bits(options), .group_size = group_size == -1 ? 0 : group_size, .has_zeros = !options.is_symmetric};
}

}  // namespace

std::unique_ptr<QuantizeTarget> make_quantize_target(const ModelFile& file, Model& model, const std::string& out,
                                                     const QuantizeOptions& options) {
  if (is_folder_name(out)) return std::make_unique<FolderTarget>(file, model, out, options);
  if (out.ends_with(".gguf") || out.ends_with(kTmillEnding)) return std::make_unique<BlockTarget>(file, out, options);
  throw Error(ErrorCode::invalid_argument, out +
                                               ": its ending names no format that holds quantised weights; give "
                                               "NAME.gguf, NAME.tmill or a folder, NAME/");
}

std::string format_name(const CodeFormat& format) {
  if (!format.groups) return std::string(info(format.dtype).name);
  const GroupKind& kind = *format.groups;
  const std::string group = kind.group_size == 0 ? "row" : std::to_string(kind.group_size);
  return "w" + std::to_string(kind.bits) + "_g" + group;
}

}  // namespace tidemill
