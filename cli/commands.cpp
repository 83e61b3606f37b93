#include "cli/commands.h"

namespace tidemill::cli {

std::span<const Command* const> commands() {
  static constexpr const Command* kCommands[] = {&kRun,      &kChat,   &kServe,      &kTokenize, &kTemplate, &kEmbed,
                                                 &kRerank,   &kLogits, &kPerplexity, &kInfo,     &kBench,    &kConvert,
                                                 &kQuantize, &kDelta,  &kModels,     &kDevices};
  return kCommands;
}

}  // namespace tidemill::cli
