#include "api/sensitivity.h"

#include <algorithm>
#include <string_view>

#include "compress/quantize/noise_kernels.h"

namespace tidemill {
namespace {

constexpr double kNoise = 0.01;       // of the square of a row: a tenth of its length
constexpr size_t kDecoderPieces = 2;  // that are read again for each group
constexpr size_t kEncoderPieces = 32;

// What a matrix shares its inputs with, by name.
std::string group_of(std::string_view name) {
  static constexpr std::string_view kTogether[] = {"attn_q.", "attn_k.", "attn_v.", "ffn_gate.", "ffn_up."};
  for (size_t i = 0; i < std::size(kTogether); ++i) {
    const size_t at = name.find(kTogether[i]);
    if (at == name.npos) continue;
    return std::string(name.substr(0, at)) + (i < 3 ? "attn_qkv" : "ffn_in");
  }
  return std::string(name);
}

}  // namespace

std::vector<std::vector<std::string>> probe_groups(const std::vector<std::string>& names) {
  std::vector<std::vector<std::string>> groups;
  std::map<std::string, size_t> by_key;
  for (const std::string& name : names) {
    const auto [found, is_new] = by_key.emplace(group_of(name), groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(name);
  }
  return groups;
}

std::map<std::string, double> measure_sensitivity(CalibrationModel& model, const CalibrationText& text,
                                                  const std::vector<std::string>& names,
                                                  const std::function<void(double share)>& on_progress) {
  std::map<std::string, const void*> data;
  model.model().visit_params(
      [&](std::string_view name, Tensor& weight, WeightRole) { data[std::string(name)] = weight.data(); });
  const bool is_encoder = model.model().config().is_encoder;
  const auto pieces =
      std::span(text.pieces).first(std::min(text.pieces.size(), is_encoder ? kEncoderPieces : kDecoderPieces));
  const CalibrationModel::Answers truth = model.answers(pieces, model.kernels());
  const auto groups = probe_groups(names);
  std::map<std::string, double> result;
  for (size_t i = 0; i < groups.size(); ++i) {
    NoiseKernels noisy(model.kernels());
    std::vector<const void*> weights;
    for (const std::string& name : groups[i]) weights.push_back(data[name]);
    noisy.disturb(weights, kNoise);
    const double loss = std::max(0.0, model.distance(truth, model.answers(pieces, noisy)));
    for (const std::string& name : groups[i]) result[name] = loss / kNoise / static_cast<double>(groups[i].size());
    on_progress(static_cast<double>(i + 1) / static_cast<double>(groups.size()));
  }
  return result;
}

}  // namespace tidemill
