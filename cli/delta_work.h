// What the commands of `tidemill delta` share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/engine_options.h"
#include "cli/work.h"
#include "tidemill/delta.h"

namespace tidemill::cli {

inline constexpr Option kDeltaWorkOptions[] = {kThreadsOption, kJsonOption};
inline constexpr int kMaxChain = 64;  // deltas that one command takes

[[noreturn]] void wrong_usage(const std::string& message);

// Says that `command` was given none of its subcommands, and which is meant.
[[noreturn]] int missing_subcommand(const Command& command, const Arguments& arguments);

// Calls `work(options)` with the threads of --threads, a progress bar and Ctrl-C; returns what it returns.
template <typename Work>
auto worked(const Arguments& arguments, const std::string& what, Work work) {
  return with_progress(what, [&](auto on_progress) {
    return work(DeltaOptions{.threads = static_cast<int>(arguments.integer("--threads")), .on_progress = on_progress});
  });
}

double megabytes(uint64_t n_bytes);

// Of what was done with `path`, as JSON and as a line: "x.tmdelta: written, 90.9 MB, as a delta 0.72 MB (125.4 times
// smaller), 103 tensors, 0.21 s".
nlohmann::ordered_json report_json(const std::string& path, const DeltaReport& report);
void print_report_line(const std::string& path, const std::string& done, const DeltaReport& report);
// One of the two, as --json says.
void print_report(const Arguments& arguments, const std::string& path, const std::string& done,
                  const DeltaReport& report);

}  // namespace tidemill::cli
