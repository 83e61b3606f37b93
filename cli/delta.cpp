// tidemill delta: fine-tunes as small files.

#include "tidemill/delta.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/delta_work.h"
#include "cli/print_document.h"

namespace tidemill::cli {
namespace {

using nlohmann::ordered_json;

constexpr Option kInfoOptions[] = {kJsonOption};

int apply(const Arguments& arguments) {
  const auto& words = arguments.positionals();
  if (words.size() < 3)
    wrong_usage(
        "delta apply: takes the base, a delta or several and what to write, as in: tidemill delta apply "
        "base.safetensors tuned.tmdelta tuned.safetensors");
  const std::vector<std::string> deltas(words.begin() + 1, words.end() - 1);
  const DeltaReport report = worked(arguments, "restoring " + words.back(), [&](const DeltaOptions& options) {
    return apply_delta(words.front(), deltas, words.back(), options);
  });
  print_report(arguments, words.back(), "restored and compared", report);
  return 0;
}

int verify(const Arguments& arguments) {
  const auto& words = arguments.positionals();
  if (words.size() < 2)
    wrong_usage(
        "delta verify: takes the base and a delta or several, as in: tidemill delta verify base.safetensors "
        "tuned.tmdelta");
  const std::vector<std::string> deltas(words.begin() + 1, words.end());
  const DeltaReport report = worked(arguments, "verifying " + words.back(), [&](const DeltaOptions& options) {
    return verify_delta(words.front(), deltas, options);
  });
  print_report(arguments, words.back(), "whole", report);
  return 0;
}

ordered_json files_json(const std::vector<DeltaInfo::File>& files) {
  ordered_json list = ordered_json::array();
  for (const DeltaInfo::File& file : files)
    list.push_back({{"name", file.name}, {"bytes", file.n_bytes}, {"hash", file.hash}});
  return list;
}

void print_json(const DeltaInfo& info) {
  ordered_json tensors = ordered_json::array();
  for (const DeltaInfo::Tensor& tensor : info.tensors) {
    ordered_json line = {{"name", tensor.name},      {"dtype", tensor.dtype},   {"shape", tensor.shape},
                         {"file", tensor.file},      {"bytes", tensor.n_bytes}, {"coded_bytes", tensor.n_coded_bytes},
                         {"against", tensor.against}};
    if (tensor.against.empty()) line["against"] = nullptr;
    tensors.push_back(line);
  }
  print_document({{"format", "tmdelta"},
                  {"version", info.version},
                  {"mode", info.mode},
                  {"kind", info.is_folder ? "folder" : "file"},
                  {"bytes", info.n_bytes},
                  {"delta_bytes", info.n_delta_bytes},
                  {"ratio", info.ratio},
                  {"base", files_json(info.base)},
                  {"files", files_json(info.files)},
                  {"tensors", tensors}});
}

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "[";
  for (const uint64_t dim : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + "]";
}

void print_tensors(const DeltaInfo& info) {
  for (const DeltaInfo::Tensor& tensor : info.tensors) {
    std::string note = tensor.against.empty() ? "new" : tensor.n_coded_bytes == 0 ? "unchanged" : "changed";
    if (!tensor.against.empty() && tensor.against != tensor.name) note += ", " + tensor.against + " in the base";
    std::printf("  %-48s %-8s %-18s %12llu  %s\n", printable(tensor.name).c_str(), printable(tensor.dtype).c_str(),
                shape_text(tensor.shape).c_str(), static_cast<unsigned long long>(tensor.n_coded_bytes),
                printable(note).c_str());
  }
}

int info(const Arguments& arguments) {
  if (arguments.positionals().size() != 1)
    wrong_usage("delta info: takes one delta, as in: tidemill delta info tuned.tmdelta");
  const DeltaInfo info = read_delta_info(arguments.positionals()[0]);
  if (arguments.flag("--json")) {
    print_json(info);
    return 0;
  }
  std::printf("%s: %s, %.1f MB in %.2f MB (%.1f times smaller)\n", printable(arguments.positionals()[0]).c_str(),
              info.mode.c_str(), megabytes(info.n_bytes), megabytes(info.n_delta_bytes), info.ratio);
  for (const DeltaInfo::File& file : info.base)
    std::printf("needs    %s %12llu bytes  %s\n", file.hash.c_str(), static_cast<unsigned long long>(file.n_bytes),
                printable(file.name).c_str());
  for (const DeltaInfo::File& file : info.files)
    std::printf("restores %s %12llu bytes  %s\n", file.hash.c_str(), static_cast<unsigned long long>(file.n_bytes),
                printable(file.name).c_str());
  if (!info.tensors.empty()) std::printf("tensors, with the bytes that each takes in the delta:\n");
  print_tensors(info);
  return 0;
}

constexpr const Command* kSubcommands[] = {&kDeltaMake, &kDeltaApply,  &kDeltaInfo,   &kDeltaVerify,
                                           &kDeltaDiff, &kDeltaRebase, &kDeltaExport, &kDeltaStore};

}  // namespace

const Command kDeltaApply = {
    .name = "delta apply",
    .summary = "Restore a fine-tune from its base, byte for byte",
    .usage = "BASE DELTA [DELTA...] OUT [options]",
    .examples =
        "  tidemill delta apply base.safetensors tuned.tmdelta tuned.safetensors\n"
        "  tidemill delta apply base-folder tuned.tmdelta tuned-folder\n"
        "  tidemill delta apply base.gguf first.tmdelta second.tmdelta tuned.gguf    # second: made of first's\n",
    .options = kDeltaWorkOptions,
    .max_positionals = kMaxChain + 2,
    .run = apply};

const Command kDeltaInfo = {.name = "delta info",
                            .summary = "Tell what a delta holds",
                            .usage = "DELTA [options]",
                            .examples =
                                "  tidemill delta info tuned.tmdelta\n"
                                "  tidemill delta info tuned.tmdelta --json\n",
                            .options = kInfoOptions,
                            .max_positionals = 1,
                            .run = info};

const Command kDeltaVerify = {.name = "delta verify",
                              .summary = "Check that a base and a delta are whole and belong together",
                              .usage = "BASE DELTA [DELTA...] [options]",
                              .examples = "  tidemill delta verify base.safetensors tuned.tmdelta\n",
                              .options = kDeltaWorkOptions,
                              .max_positionals = kMaxChain + 1,
                              .run = verify};

const Command kDelta = {.name = "delta",
                        .summary = "Keep fine-tunes as small files beside their base",
                        .usage = "(make | apply | info | verify | diff | rebase | export | store) ...",
                        .examples =
                            "  tidemill delta make base.safetensors tuned.safetensors tuned.tmdelta\n"
                            "  tidemill delta apply base.safetensors tuned.tmdelta tuned.safetensors\n"
                            "  tidemill delta info tuned.tmdelta\n"
                            "  tidemill delta verify base.safetensors tuned.tmdelta\n"
                            "  tidemill delta diff base.safetensors tuned.safetensors\n"
                            "  tidemill delta rebase base.gguf tuned.tmdelta --onto new-base.gguf rebased.tmdelta\n"
                            "  tidemill delta export tuned.tmdelta adapter-folder\n"
                            "  tidemill delta store add deltas tuned.tmdelta\n",
                        .options = {},
                        .max_positionals = kMaxChain,
                        .run = [](const Arguments& arguments) { return missing_subcommand(kDelta, arguments); },
                        .subcommands = kSubcommands};

}  // namespace tidemill::cli
