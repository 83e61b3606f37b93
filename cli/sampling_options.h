// Options that say how tokens are chosen, and when a text ends.
#pragma once

#include "cli/options.h"
#include "tidemill/sampling.h"

namespace tidemill::cli {

inline constexpr Option kMaxTokensOption = {
    .flag = "-n",
    .kind = OptionKind::integer,
    .value_name = "N",
    .help = "at most N tokens; -1: until the model ends the text or the context is full",
    .fallback = "-1",
    .min = -1,
    .max = 1 << 30};
inline constexpr Option kStopOption = {
    .flag = "--stop", .kind = OptionKind::texts, .value_name = "S", .help = "end before this text; may be given again"};
inline constexpr Option kTemperatureOption = {.flag = "--temperature",
                                              .kind = OptionKind::number,
                                              .value_name = "T",
                                              .help = "0: always the most likely token; higher: more varied",
                                              .fallback = "0.8",
                                              .min = 0,
                                              .max = 100};
inline constexpr Option kTopKOption = {.flag = "--top-k",
                                       .kind = OptionKind::integer,
                                       .value_name = "K",
                                       .help = "choose among the K most likely; 0: all",
                                       .fallback = "40",
                                       .min = 0,
                                       .max = 1 << 30};
inline constexpr Option kTopPOption = {.flag = "--top-p",
                                       .kind = OptionKind::number,
                                       .value_name = "P",
                                       .help = "choose among the fewest whose probabilities reach P; 1: all",
                                       .fallback = "0.95",
                                       .min = 0,
                                       .max = 1};
inline constexpr Option kMinPOption = {.flag = "--min-p",
                                       .kind = OptionKind::number,
                                       .value_name = "P",
                                       .help = "choose among those with P times the greatest probability; 0: all",
                                       .fallback = "0.05",
                                       .min = 0,
                                       .max = 1};
inline constexpr Option kRepeatPenaltyOption = {.flag = "--repeat-penalty",
                                                .kind = OptionKind::number,
                                                .value_name = "R",
                                                .help = "make recent tokens less likely; 1: off",
                                                .fallback = "1",
                                                .min = 0.01,
                                                .max = 100};
inline constexpr Option kRepeatLastNOption = {.flag = "--repeat-last-n",
                                              .kind = OptionKind::integer,
                                              .value_name = "N",
                                              .help = "how many recent tokens penalties see; -1: all",
                                              .fallback = "64",
                                              .min = -1,
                                              .max = 1 << 30};
inline constexpr Option kFrequencyPenaltyOption = {.flag = "--frequency-penalty",
                                                   .kind = OptionKind::number,
                                                   .value_name = "F",
                                                   .help = "subtract F from a token's score per recent occurrence",
                                                   .fallback = "0",
                                                   .min = -100,
                                                   .max = 100};
inline constexpr Option kPresencePenaltyOption = {.flag = "--presence-penalty",
                                                  .kind = OptionKind::number,
                                                  .value_name = "F",
                                                  .help = "subtract F from the score of a recent token",
                                                  .fallback = "0",
                                                  .min = -100,
                                                  .max = 100};
inline constexpr Option kLogitBiasOption = {.flag = "--logit-bias",
                                            .kind = OptionKind::texts,
                                            .value_name = "ID=B",
                                            .help = "add B to the score of token ID; may be given again"};
inline constexpr Option kSeedOption = {.flag = "--seed",
                                       .kind = OptionKind::integer,
                                       .value_name = "S",
                                       .help = "the same seed gives the same text; -1: a new one each time",
                                       .fallback = "-1",
                                       .min = -1,
                                       .max = 9007199254740992.0};

// Throws Error(invalid_argument) for a logit bias that is not ID=NUMBER.
SamplingOptions sampling_options(const Arguments& arguments);

}  // namespace tidemill::cli
