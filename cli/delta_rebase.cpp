// tidemill delta rebase: a fine-tune's delta against another base, or a chain of deltas as one.

#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/delta_work.h"

namespace tidemill::cli {
namespace {

constexpr Option kOptions[] = {
    {.flag = "--onto",
     .kind = OptionKind::text,
     .value_name = "NEW_BASE",
     .help = "the base that the new delta starts from; without it BASE again, so that a chain becomes one delta"},
    kThreadsOption,
    kJsonOption,
};

int run(const Arguments& arguments) {
  const auto& words = arguments.positionals();
  if (words.size() < 3)
    wrong_usage(
        "delta rebase: takes the base, a delta or several and the file to write, as in: tidemill delta rebase "
        "base.safetensors tuned.tmdelta --onto new-base.safetensors rebased.tmdelta");
  const std::vector<std::string> deltas(words.begin() + 1, words.end() - 1);
  const std::string onto = arguments.has("--onto") ? arguments.text("--onto") : words.front();
  const DeltaReport report = worked(arguments, "rebasing onto " + onto, [&](const DeltaOptions& options) {
    return rebase_delta(words.front(), deltas, onto, words.back(), options);
  });
  print_report(arguments, words.back(), "written", report);
  return 0;
}

}  // namespace

const Command kDeltaRebase = {
    .name = "delta rebase",
    .summary = "Write a delta of the same fine-tune against another base",
    .usage = "BASE DELTA [DELTA...] [--onto NEW_BASE] OUT [options]",
    .examples =
        "  tidemill delta rebase base.safetensors tuned.tmdelta --onto new-base.safetensors rebased.tmdelta\n"
        "  tidemill delta rebase base.gguf first.tmdelta second.tmdelta both.tmdelta    # a chain as one delta\n",
    .options = kOptions,
    .max_positionals = kMaxChain + 2,
    .run = run};

}  // namespace tidemill::cli
