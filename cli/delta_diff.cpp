// tidemill delta diff: what a fine-tune changed.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/print_document.h"
#include "cli/work.h"
#include "tidemill/delta.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

using nlohmann::ordered_json;

constexpr Option kOptions[] = {kThreadsOption, kJsonOption};

double share(const TensorChange& change) {
  return change.n_elements == 0 ? 0 : static_cast<double>(change.n_changed) / static_cast<double>(change.n_elements);
}

void print_json(const std::vector<TensorChange>& changes) {
  ordered_json tensors = ordered_json::array();
  for (const TensorChange& change : changes) {
    ordered_json line = {{"name", change.tensor}, {"against", change.against}, {"dtype", change.dtype},
                         {"shape", change.shape}, {"changed", share(change)},  {"greatest", change.greatest}};
    if (change.against.empty()) line["against"] = nullptr;
    tensors.push_back(line);
  }
  print_document({{"tensors", tensors}});
}

void print_table(const std::vector<TensorChange>& changes) {
  std::printf("%-48s %-8s %10s  %s\n", "tensor", "dtype", "changed", "greatest difference");
  size_t n_unchanged = 0;
  for (const TensorChange& change : changes) {
    if (change.n_changed == 0) {
      ++n_unchanged;
      continue;
    }
    const std::string name = printable(change.tensor), dtype = printable(change.dtype);
    if (change.against.empty()) {
      std::printf("%-48s %-8s %10s\n", name.c_str(), dtype.c_str(), "new");
    } else {
      std::printf("%-48s %-8s %9.3f%%  %.6g\n", name.c_str(), dtype.c_str(), 100 * share(change), change.greatest);
    }
  }
  std::printf("%zu of %zu tensors are as in the base\n", n_unchanged, changes.size());
}

int run(const Arguments& arguments) {
  const auto& words = arguments.positionals();
  if (words.size() != 2)
    throw Error(ErrorCode::invalid_argument,
                "delta diff: takes the base and the fine-tune, as in: tidemill delta diff "
                "base.safetensors tuned.safetensors");
  const auto changes = with_progress("comparing " + words[1], [&](auto on_progress) {
    return diff_models(words[0], words[1],
                       {.threads = static_cast<int>(arguments.integer("--threads")), .on_progress = on_progress});
  });
  if (arguments.flag("--json")) {
    print_json(changes);
  } else {
    print_table(changes);
  }
  return 0;
}

}  // namespace

const Command kDeltaDiff = {.name = "delta diff",
                            .summary = "Tell what a fine-tune changed, tensor by tensor",
                            .usage = "BASE TUNED [options]",
                            .examples =
                                "  tidemill delta diff base.safetensors tuned.safetensors\n"
                                "  tidemill delta diff base-folder tuned-folder --json\n",
                            .options = kOptions,
                            .max_positionals = 2,
                            .run = run};

}  // namespace tidemill::cli
