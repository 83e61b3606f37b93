#include "cli/delta_work.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/print_document.h"
#include "tidemill/error.h"
#include "tidemill/suggest.h"

namespace tidemill::cli {

using nlohmann::ordered_json;

void wrong_usage(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

int missing_subcommand(const Command& command, const Arguments& arguments) {
  const std::string name(command.name);
  std::vector<std::string> names;
  for (const Command* subcommand : command.subcommands) names.emplace_back(subcommand->name.substr(name.size() + 1));
  const std::string word = arguments.positionals().empty() ? "" : arguments.positionals()[0];
  const std::string nearest = nearest_word(word, names);
  wrong_usage(name + ": " + (word.empty() ? "nothing to do is given" : "'" + word + "' is nothing it can do") + "; " +
              (nearest.empty() ? "see tidemill " + name + " --help" : "did you mean '" + nearest + "'?"));
}

double megabytes(uint64_t n_bytes) {
  return static_cast<double>(n_bytes) / 1e6;
}

ordered_json report_json(const std::string& path, const DeltaReport& report) {
  return {{"path", path},
          {"bytes", report.n_tuned_bytes},
          {"delta_bytes", report.n_delta_bytes},
          {"ratio", report.ratio()},
          {"tensors", report.n_tensors},
          {"seconds", report.seconds}};
}

void print_report_line(const std::string& path, const std::string& done, const DeltaReport& report) {
  std::printf("%s: %s, %.1f MB, as a delta %.2f MB (%.1f times smaller), %llu tensors, %.2f s\n",
              printable(path).c_str(), done.c_str(), megabytes(report.n_tuned_bytes), megabytes(report.n_delta_bytes),
              report.ratio(), static_cast<unsigned long long>(report.n_tensors), report.seconds);
}

void print_report(const Arguments& arguments, const std::string& path, const std::string& done,
                  const DeltaReport& report) {
  if (arguments.flag("--json")) return print_document(report_json(path, report));
  print_report_line(path, done, report);
}

}  // namespace tidemill::cli
