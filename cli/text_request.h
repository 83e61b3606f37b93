// What commands that write texts ask of the engine.
#pragma once

#include "cli/engine_options.h"
#include "cli/grammar_options.h"
#include "cli/options.h"
#include "cli/sampling_options.h"
#include "cli/speculate_option.h"
#include "tidemill/engine.h"

namespace tidemill::cli {

// What a text is to be and how its tokens are chosen.
inline constexpr std::array kTextOptions = {
    kMaxTokensOption,
    kTemperatureOption,
    kTopKOption,
    kTopPOption,
    kMinPOption,
    kRepeatPenaltyOption,
    kRepeatLastNOption,
    kFrequencyPenaltyOption,
    kPresencePenaltyOption,
    kLogitBiasOption,
    kSeedOption,
    kStopOption,
    kGrammarOption,
    kJsonSchemaOption,
    kJsonObjectOption,
    kSpeculateOption,
    kDraftOption,
    kHeadOption,
};

// What -n, --stop, --speculate and the options of sampling say; without a prompt, and ended by Ctrl-C.  Throws
// Error(invalid_argument) for their values.
Request text_request(const Arguments& arguments);

}  // namespace tidemill::cli
