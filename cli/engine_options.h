// Options that every command with a loaded model takes.
#pragma once

#include <string>
#include <utility>

#include "cli/options.h"
#include "cli/progress.h"
#include "tidemill/engine.h"

namespace tidemill::cli {

inline constexpr Option kModelOption = {
    .flag = "--model", .kind = OptionKind::text, .value_name = "MODEL", .help = "the model, as the first argument"};
inline constexpr Option kThreadsOption = {.flag = "--threads",
                                          .kind = OptionKind::integer,
                                          .value_name = "N",
                                          .help = "threads to compute with; 0: one per processor",
                                          .fallback = "0",
                                          .min = 0,
                                          .max = 1024};
inline constexpr Option kDraftOption = {
    .flag = "--draft",
    .kind = OptionKind::text,
    .value_name = "MODEL",
    .help = "a smaller model of the same vocabulary that guesses ahead; without it the text itself is looked at"};
inline constexpr Option kHeadOption = {
    .flag = "--head",
    .kind = OptionKind::text,
    .value_name = "H",
    .help = "plain: read the whole output head for every token; auto: half of it, where that finds the same token",
    .fallback = "auto"};
inline constexpr Option kContextOption = {.flag = "--ctx",
                                          .kind = OptionKind::integer,
                                          .value_name = "N",
                                          .help = "positions the context holds; 0: as many as the model takes",
                                          .fallback = "0",
                                          .min = 0,
                                          .max = 1 << 30};
inline constexpr Option kPrecisionOption = {.flag = "--precision",
                                            .kind = OptionKind::text,
                                            .value_name = "P",
                                            .help =
                                                "fast: activations in two int8 numbers, f16 state; f32: all in f32, "
                                                "slower; bf16: as fast, with float weights rounded so; int8: likewise, "
                                                "activations in one number, faster, less exact",
                                            .fallback = "fast"};
inline constexpr Option kStateOption = {
    .flag = "--state",
    .kind = OptionKind::text,
    .value_name = "S",
    .help = "keep keys and values in f16, f32 or int8; auto: f16, but f32 where all is computed in f32",
    .fallback = "auto"};
inline constexpr Option kBackendOption = {.flag = "--backend",
                                          .kind = OptionKind::text,
                                          .value_name = "B",
                                          .help = "cpu, or reference: plain scalar code, very slow",
                                          .fallback = "cpu"};
inline constexpr Option kCheckOption = {.flag = "--check", .help = "refuse weights that are NaN or infinite"};
// What a loaded model computes with, besides the length of its context.
inline constexpr std::array kComputeOptions = {kThreadsOption, kPrecisionOption, kStateOption, kBackendOption,
                                               kCheckOption};
inline constexpr Option kDeltaOption = {
    .flag = "--delta",
    .kind = OptionKind::texts,
    .value_name = "DELTA",
    .help = "run the fine-tune that this .tmdelta makes of the model; again: of that"};
inline constexpr Option kJsonOption = {.flag = "--json", .help = "print JSON"};

// `options` with what --threads, --ctx, --precision and --state say.
EngineOptions engine_options(const Arguments& arguments, EngineOptions options = {});

// Loads the model that the arguments name, with a progress bar, by `load(model, options)`.  `options` holds what is not
// among the options above.
template <typename Load>
auto load_by(const Load& load, const Arguments& arguments, EngineOptions options = {}) {
  const std::string model = arguments.model();
  options = engine_options(arguments, std::move(options));
  options.backend = arguments.text("--backend");
  options.deltas = arguments.texts("--delta");
  options.check_weights = arguments.flag("--check");
  Progress progress("loading " + model);
  options.on_progress = [&](double share) { progress.update(share); };
  return load(model, options);
}

Engine load_engine(const Arguments& arguments, EngineOptions options = {});

}  // namespace tidemill::cli
