// tidemill delta store: a folder of deltas.

#include "tidemill/delta_store.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/delta_work.h"
#include "cli/print_document.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

using nlohmann::ordered_json;

constexpr Option kAddOptions[] = {
    {.flag = "--name",
     .kind = OptionKind::text,
     .value_name = "NAME",
     .help = "what the delta is called there; without it its file's name without the ending"},
    kJsonOption,
};
constexpr Option kJsonOnly[] = {kJsonOption};

// The words after the command, of which there are `n`; `what` tells which they are.
const std::vector<std::string>& words_of(const Arguments& arguments, size_t n, const std::string& command,
                                         const std::string& what) {
  if (arguments.positionals().size() != n)
    wrong_usage("delta store " + command + ": takes " + what + "; see tidemill delta store " + command + " --help");
  return arguments.positionals();
}

int add(const Arguments& arguments) {
  const auto& words = words_of(arguments, 2, "add", "the folder of the store and a delta");
  const DeltaStore::Added added = DeltaStore(words[0]).add(words[1], arguments.text("--name"));
  if (arguments.flag("--json")) {
    print_document({{"name", added.name}, {"bytes", added.n_bytes}, {"new_bytes", added.n_new_bytes}});
  } else {
    std::printf("%s: added, %.2f MB, %.2f MB of it new to the store\n", printable(added.name).c_str(),
                megabytes(added.n_bytes), megabytes(added.n_new_bytes));
  }
  return 0;
}

ordered_json json_of(const StoredDelta& delta) {
  ordered_json base = ordered_json::array();
  for (const DeltaInfo::File& file : delta.base)
    base.push_back({{"name", file.name}, {"bytes", file.n_bytes}, {"hash", file.hash}});
  return {{"name", delta.name},
          {"mode", delta.mode},
          {"hash", delta.hash},
          {"bytes", delta.n_bytes},
          {"own_bytes", delta.n_own_bytes},
          {"restores_bytes", delta.n_restored_bytes},
          {"base", base}};
}

int list(const Arguments& arguments) {
  const auto deltas = DeltaStore(words_of(arguments, 1, "list", "the folder of the store")[0]).list();
  if (arguments.flag("--json")) {
    ordered_json lines = ordered_json::array();
    for (const StoredDelta& delta : deltas) lines.push_back(json_of(delta));
    print_document({{"deltas", lines}});
    return 0;
  }
  std::printf("%-32s %-10s %12s %14s %14s  %s\n", "delta", "mode", "MB", "MB of its own", "restores MB", "base");
  for (const StoredDelta& delta : deltas) {
    std::printf("%-32s %-10s %12.2f %14.2f %14.1f  %s\n", printable(delta.name).c_str(), printable(delta.mode).c_str(),
                megabytes(delta.n_bytes), megabytes(delta.n_own_bytes), megabytes(delta.n_restored_bytes),
                delta.base.empty() ? "-" : printable(delta.base[0].name + " " + delta.base[0].hash).c_str());
  }
  return 0;
}

int get(const Arguments& arguments) {
  const auto& words = words_of(arguments, 3, "get", "the folder of the store, a delta's name and the file to write");
  DeltaStore(words[0]).get(words[1], words[2]);
  if (arguments.flag("--json")) {
    print_document({{"path", words[2]}});
  } else {
    std::printf("%s: written and compared\n", printable(words[2]).c_str());
  }
  return 0;
}

int remove(const Arguments& arguments) {
  const auto& words = words_of(arguments, 2, "remove", "the folder of the store and a delta's name");
  DeltaStore(words[0]).remove(words[1]);
  if (arguments.flag("--json")) {
    print_document({{"name", words[1]}});
  } else {
    std::printf("%s: removed; `tidemill delta store gc` frees its room\n", printable(words[1]).c_str());
  }
  return 0;
}

int gc(const Arguments& arguments) {
  const DeltaStore::Collected collected = DeltaStore(words_of(arguments, 1, "gc", "the folder of the store")[0]).gc();
  if (arguments.flag("--json")) {
    print_document({{"objects", collected.n_objects}, {"bytes", collected.n_bytes}});
  } else {
    std::printf("%llu objects deleted, %.2f MB\n", static_cast<unsigned long long>(collected.n_objects),
                megabytes(collected.n_bytes));
  }
  return 0;
}

int verify(const Arguments& arguments) {
  const std::string& folder = words_of(arguments, 1, "verify", "the folder of the store")[0];
  const auto problems = DeltaStore(folder).verify();
  if (arguments.flag("--json")) {
    ordered_json lines = ordered_json::array();
    for (const DeltaStoreProblem& problem : problems)
      lines.push_back({{"delta", problem.delta}, {"problem", problem.what}});
    print_document({{"problems", lines}});
  } else {
    for (const DeltaStoreProblem& problem : problems)
      std::printf("%s: %s\n", printable(problem.delta).c_str(), printable(problem.what).c_str());
    if (problems.empty()) std::printf("%s: whole\n", printable(folder).c_str());
  }
  if (problems.empty()) return 0;
  throw Error(ErrorCode::bad_file, folder + ": " + std::to_string(problems.size()) +
                                       " of its deltas are damaged; add them again, which mends what they share");
}

constexpr Command kAdd = {.name = "delta store add",
                          .summary = "Take a delta in",
                          .usage = "STORE DELTA [options]",
                          .examples =
                              "  tidemill delta store add deltas legal.tmdelta\n"
                              "  tidemill delta store add deltas out.tmdelta --name code-v2\n",
                          .options = kAddOptions,
                          .max_positionals = 2,
                          .run = add};
constexpr Command kList = {.name = "delta store list",
                           .summary = "List the deltas, with what each one adds",
                           .usage = "STORE [options]",
                           .examples = "  tidemill delta store list deltas\n",
                           .options = kJsonOnly,
                           .max_positionals = 1,
                           .run = list};
constexpr Command kGet = {.name = "delta store get",
                          .summary = "Write a delta as the file that it was",
                          .usage = "STORE NAME OUT [options]",
                          .examples = "  tidemill delta store get deltas legal legal.tmdelta\n",
                          .options = kJsonOnly,
                          .max_positionals = 3,
                          .run = get};
constexpr Command kRemove = {.name = "delta store remove",
                             .summary = "Forget a delta",
                             .usage = "STORE NAME [options]",
                             .examples = "  tidemill delta store remove deltas legal\n",
                             .options = kJsonOnly,
                             .max_positionals = 2,
                             .run = remove};
constexpr Command kGc = {.name = "delta store gc",
                         .summary = "Delete what no delta refers to",
                         .usage = "STORE [options]",
                         .examples = "  tidemill delta store gc deltas\n",
                         .options = kJsonOnly,
                         .max_positionals = 1,
                         .run = gc};
constexpr Command kVerify = {.name = "delta store verify",
                             .summary = "Read everything and compare it with its hashes",
                             .usage = "STORE [options]",
                             .examples = "  tidemill delta store verify deltas\n",
                             .options = kJsonOnly,
                             .max_positionals = 1,
                             .run = verify};
constexpr const Command* kSubcommands[] = {&kAdd, &kList, &kGet, &kRemove, &kGc, &kVerify};

}  // namespace

const Command kDeltaStore = {
    .name = "delta store",
    .summary = "Keep deltas in a folder, with what they share kept once",
    .usage = "(add | list | get | remove | gc | verify) STORE ...",
    .examples =
        "  tidemill delta store add deltas legal.tmdelta\n"
        "  tidemill delta store list deltas\n"
        "  tidemill delta store get deltas legal legal.tmdelta\n",
    .options = {},
    .max_positionals = kMaxChain,
    .run = [](const Arguments& arguments) { return missing_subcommand(kDeltaStore, arguments); },
    .subcommands = kSubcommands};

}  // namespace tidemill::cli
