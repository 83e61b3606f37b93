// tidemill delta make: what turns a base into a fine-tune, exactly or nearly.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/delta_check.h"
#include "cli/delta_work.h"
#include "cli/print_document.h"
#include "tidemill/delta.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

using nlohmann::ordered_json;

constexpr int kMostRankForEnergy = 256;

constexpr Option kMakeOptions[] = {
    {.flag = "--mode",
     .kind = OptionKind::text,
     .value_name = "M",
     .help = "lossless; or smaller and nearly: sparse, int8, int4, sign (1 bit), lowrank",
     .fallback = "lossless"},
    {.flag = "--threshold",
     .kind = OptionKind::number,
     .value_name = "X",
     .help = "sparse: drop changes below X",
     .fallback = "1e-4",
     .min = 0,
     .max = 1e30},
    {.flag = "--rank",
     .kind = OptionKind::integer,
     .value_name = "R",
     .help = "lowrank: columns of the thin matrices; with --energy the most, then 256 unless given",
     .fallback = "16",
     .min = 1,
     .max = 4096},
    {.flag = "--energy",
     .kind = OptionKind::number,
     .value_name = "E",
     .help = "lowrank: as few columns as keep this share of a change's squared singular values, as 0.9",
     .min = 0.01,
     .max = 1},
    {.flag = "--check",
     .kind = OptionKind::text,
     .value_name = "TEXT",
     .help = "let base, fine-tune and what the delta restores predict this text file, and tell their perplexity"},
    kThreadsOption,
    kJsonOption,
};

DeltaMode mode_of(const Arguments& arguments) {
  const std::string name = arguments.text("--mode");
  for (const DeltaMode mode : {DeltaMode::lossless, DeltaMode::sparse, DeltaMode::int8, DeltaMode::int4,
                               DeltaMode::sign, DeltaMode::low_rank}) {
    if (name == to_string(mode)) return mode;
  }
  wrong_usage("--mode: '" + name + "' is none of lossless, sparse, int8, int4, sign and lowrank");
}

void print_errors(const std::vector<DeltaError>& errors, DeltaMode mode) {
  if (errors.empty()) return;
  const bool has_rank = mode == DeltaMode::low_rank;
  std::printf("  %-48s %-24s %-28s%s\n", "tensor", "error / change", "greatest error of a weight",
              has_rank ? "rank" : "");
  for (const DeltaError& error : errors) {
    const std::string rank = error.rank > 0 ? std::to_string(error.rank) : "";
    std::printf("  %-48s %-24.4g %-28.4g%s\n", printable(error.tensor).c_str(), error.relative, error.greatest,
                rank.c_str());
  }
}

ordered_json errors_json(const std::vector<DeltaError>& errors) {
  ordered_json list = ordered_json::array();
  for (const DeltaError& error : errors) {
    list.push_back({{"name", error.tensor}, {"relative", error.relative}, {"greatest", error.greatest}});
    if (error.rank > 0) list.back()["rank"] = error.rank;
  }
  return list;
}

int make(const Arguments& arguments) {
  const auto& words = arguments.positionals();
  if (words.size() != 3)
    wrong_usage(
        "delta make: takes the base, the fine-tune and the file to write, as in: tidemill delta make "
        "base.safetensors tuned.safetensors tuned.tmdelta");
  const DeltaMode mode = mode_of(arguments);
  std::optional<DeltaCheck> check;
  if (arguments.has("--check"))
    check.emplace(words[0], words[1], arguments.text("--check"), static_cast<int>(arguments.integer("--threads")));
  const DeltaReport report = worked(arguments, "comparing " + words[1], [&](DeltaOptions options) {
    options.mode = mode;
    options.threshold = arguments.number("--threshold");
    options.rank = static_cast<int>(arguments.integer("--rank"));
    if (arguments.has("--energy")) {
      options.energy = arguments.number("--energy");
      if (!arguments.has("--rank")) options.rank = kMostRankForEnergy;
    }
    return make_delta(words[0], words[1], words[2], options);
  });
  if (check) check->score_delta(words[2]);
  if (arguments.flag("--json")) {
    ordered_json document = report_json(words[2], report);
    if (!report.errors.empty()) document["errors"] = errors_json(report.errors);
    if (check) document["check"] = check->json();
    print_document(document);
    return 0;
  }
  print_report_line(words[2], "written", report);
  print_errors(report.errors, mode);
  if (check) check->print();
  return 0;
}

}  // namespace

const Command kDeltaMake = {
    .name = "delta make",
    .summary = "Write what turns a base into a fine-tune",
    .usage = "BASE TUNED OUT [options]",
    .examples =
        "  tidemill delta make base.safetensors tuned.safetensors tuned.tmdelta\n"
        "  tidemill delta make base-folder tuned-folder tuned.tmdelta    # all files of the folder\n"
        "  tidemill delta make base.gguf tuned.gguf tuned.tmdelta\n"
        "  tidemill delta make base-folder tuned-folder small.tmdelta --mode int4    # nearly, and smaller\n"
        "  tidemill delta make base-folder tuned-folder small.tmdelta --mode lowrank --energy 0.9\n"
        "  tidemill delta make base.gguf tuned.gguf small.tmdelta --mode sign --check book.txt\n",
    .options = kMakeOptions,
    .max_positionals = 3,
    .run = make};

}  // namespace tidemill::cli
