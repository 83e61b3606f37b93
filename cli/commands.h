// The table of commands.
#pragma once

#include <span>

#include "cli/options.h"

namespace tidemill::cli {

// Each is defined in the file of its name.
extern const Command kRun, kChat, kLogits, kPerplexity, kTokenize, kTemplate, kInfo, kBench, kConvert, kQuantize,
    kDelta, kEmbed, kRerank, kModels, kDevices, kServe;
extern const Command kTokenizeTrain, kDeltaMake, kDeltaApply, kDeltaInfo, kDeltaVerify, kDeltaDiff, kDeltaRebase,
    kDeltaExport, kDeltaStore;

std::span<const Command* const> commands();

}  // namespace tidemill::cli
