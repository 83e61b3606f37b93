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

SensitivityProbes::SensitivityProbes(CalibrationModel& model, const CalibrationText& text,
                                     const std::vector<std::string>& names)
    : model_(model) {
  const size_t n_pieces = std::min(text.pieces.size(), model.is_encoder() ? kEncoderPieces : kDecoderPieces);
  passes_ = model.passes_of(std::span(text.pieces).first(n_pieces));
  std::map<std::string, int64_t> first_steps;
  model.model().visit_params([&](std::string_view name, Tensor&, WeightRole role) {
    int64_t& step = first_steps[std::string(name)];
    while (!model.model().reads_in_step(name, role, step)) ++step;
  });
  for (auto& group : probe_groups(names)) {
    const int64_t first = first_steps.at(group[0]);
    probes_.push_back({.names = std::move(group), .first_step = first});
  }
}

void SensitivityProbes::advance() {
  for (Probe& probe : probes_)
    if (probe.first_step == model_.step()) probe.passes = passes_;
  for (CalibrationModel::Pass& pass : passes_)
    model_.advance(pass, model_.kernels(), [&](std::vector<float> answer) { truth_.push_back(std::move(answer)); });
  for (Probe& probe : probes_)
    if (probe.first_step <= model_.step()) advance(probe);
}

void SensitivityProbes::advance(Probe& probe) {
  std::vector<const void*> weights;
  model_.model().visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    const bool is_ours = std::ranges::find(probe.names, name) != probe.names.end();
    if (is_ours && model_.model().reads_in_step(name, role, model_.step())) weights.push_back(weight.data());
  });
  NoiseKernels noisy(model_.kernels());
  noisy.disturb(weights, kNoise);
  for (CalibrationModel::Pass& pass : probe.passes)
    model_.advance(pass, noisy, [&](const std::vector<float>& answer) {
      probe.loss += model_.distance(truth_[probe.n_answers++], answer);
    });
}

std::map<std::string, double> SensitivityProbes::losses() const {
  std::map<std::string, double> result;
  for (const Probe& probe : probes_) {
    const double mean = std::max(0.0, probe.loss / static_cast<double>(std::max<size_t>(1, probe.n_answers)));
    for (const std::string& name : probe.names) result[name] = mean / kNoise / static_cast<double>(probe.names.size());
  }
  return result;
}

}  // namespace tidemill
