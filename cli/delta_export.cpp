// tidemill delta export: a delta of low rank as a LoRA adapter.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/delta_work.h"
#include "cli/print_document.h"

namespace tidemill::cli {
namespace {

constexpr Option kOptions[] = {
    {.flag = "--base-name",
     .kind = OptionKind::text,
     .value_name = "NAME",
     .help = "what adapter_config.json calls the base: a folder or a name on Hugging Face"},
    kJsonOption,
};

int run(const Arguments& arguments) {
  const auto& words = arguments.positionals();
  if (words.size() != 2)
    wrong_usage(
        "delta export: takes a delta and the folder to write, as in: tidemill delta export tuned.tmdelta "
        "adapter-folder");
  const DeltaAdapter adapter = export_adapter(words[0], words[1], arguments.text("--base-name"));
  if (arguments.flag("--json")) {
    print_document({{"path", words[1]},
                    {"modules", adapter.n_modules},
                    {"bytes", adapter.n_bytes},
                    {"left_out", adapter.left_out}});
    return 0;
  }
  std::printf("%s: an adapter of %llu modules, %.2f MB\n", printable(words[1]).c_str(),
              static_cast<unsigned long long>(adapter.n_modules), megabytes(adapter.n_bytes));
  if (adapter.left_out.empty()) return 0;
  std::printf("%zu changed tensors are no products of thin matrices, the adapter lacks them:\n",
              adapter.left_out.size());
  for (const std::string& name : adapter.left_out) std::printf("  %s\n", printable(name).c_str());
  return 0;
}

}  // namespace

const Command kDeltaExport = {
    .name = "delta export",
    .summary = "Write a delta of low rank as a LoRA adapter for PEFT",
    .usage = "DELTA OUT [options]",
    .examples =
        "  tidemill delta make base-folder tuned-folder lora.tmdelta --mode lowrank --energy 0.9\n"
        "  tidemill delta export lora.tmdelta adapter-folder --base-name google/gemma-3-270m\n",
    .options = kOptions,
    .max_positionals = 2,
    .run = run};

}  // namespace tidemill::cli
