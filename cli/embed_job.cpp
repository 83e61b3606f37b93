#include "cli/embed_job.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/engine_options.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "tidemill/core_groups.h"
#include "tidemill/embed_job.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill::cli {
namespace {

std::vector<Embedder> load_workers(const Arguments& arguments) {
  const auto wanted = static_cast<int>(arguments.integer("--workers"));
  const int n_workers = wanted > 0 ? wanted : n_sockets();
  const auto asked = static_cast<int>(arguments.integer("--threads"));
  const int n_threads = asked > 0 ? asked : cpu_info().n_cores;
  const auto groups = core_groups(n_workers);
  std::vector<Embedder> workers;
  for (int index = 0; index < n_workers; ++index) {
    // The first ones take what is left over.
    const int share = n_threads / n_workers + (index < n_threads % n_workers ? 1 : 0);
    const auto load = [&](const std::string& model, EngineOptions options) {
      options.threads = std::max(1, share);
      return Embedder::load(model, options);
    };
    if (n_workers == 1) return {load_by(load, arguments)};
    run_on_processors(groups[static_cast<size_t>(index)], [&] { workers.push_back(load_by(load, arguments)); });
  }
  return workers;
}

// "about 2 h 5 min", "40 s"
std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  if (s < 100) return std::to_string(s) + " s";
  if (s < 100 * 60) return std::to_string((s + 30) / 60) + " min";
  return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
}

double rate(int64_t n_texts, double seconds) {
  return seconds > 0 ? static_cast<double>(n_texts) / seconds : 0;
}

// `first_share`: what had been done before this start.
std::string note_of(const EmbedJobProgress& progress, double first_share) {
  std::string note = std::to_string(static_cast<int64_t>(rate(progress.n_texts, progress.seconds))) + " texts/s";
  const double share = progress.share - first_share;
  if (share > 0) note += ", " + duration_text(progress.seconds * (1 - progress.share) / share) + " left";
  return note + ", " + printable(progress.file, 40);
}

void print(const EmbedJobReport& report, bool as_json) {
  const double texts_per_s = rate(report.n_texts, report.seconds);
  if (!as_json) {
    std::printf("%lld files, %lld texts, %.1f texts/s; %lld files had been done before\n",
                static_cast<long long>(report.n_files), static_cast<long long>(report.n_texts), texts_per_s,
                static_cast<long long>(report.n_skipped));
    return;
  }
  nlohmann::json devices = nlohmann::json::array();
  for (const DeviceStatistics& device : report.devices)
    devices.push_back({{"name", device.name},
                       {"blocks", device.n_answered},
                       {"failed", device.n_failed},
                       {"retired", device.n_retired},
                       {"latency_s", device.latency_s},
                       {"busy_s", device.busy_s}});
  std::printf("%s\n", nlohmann::json{{"files", report.n_files},
                                     {"skipped", report.n_skipped},
                                     {"texts", report.n_texts},
                                     {"seconds", report.seconds},
                                     {"texts_per_s", texts_per_s},
                                     {"peak_rss_bytes", peak_rss_bytes()},
                                     {"devices", devices}}
                          .dump()
                          .c_str());
}

}  // namespace

int run_job(const Arguments& arguments, const EmbedOptions& embed) {
  if (!arguments.has("--output"))
    throw Error(ErrorCode::invalid_argument, "--output: is missing; name the folder for the vectors");
  const std::vector<Embedder> workers = load_workers(arguments);
  catch_interrupts();
  Progress bar("embedding");
  double first_share = -1;
  const EmbedJobOptions options{.input = arguments.text("--input"),
                                .output = arguments.text("--output"),
                                .column = arguments.text("--column"),
                                .output_column = arguments.text("--output-column"),
                                .embed = embed,
                                .on_progress = [&](const EmbedJobProgress& progress) {
                                  if (first_share < 0)
                                    first_share = progress.share;  // of the call before the first text
                                  bar.update(progress.share, note_of(progress, first_share));
                                  return !interrupted();
                                }};
  const EmbedJobReport report = run_embed_job(workers, options);
  bar.clear();
  print(report, arguments.flag("--json"));
  return 0;
}

}  // namespace tidemill::cli
