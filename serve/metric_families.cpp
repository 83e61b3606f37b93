#include "serve/metric_families.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "tidemill/system.h"

namespace tidemill::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

void set_value(ClientMetric& metric, MetricType type, double value) {
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

struct ModelRow {
  const char* name;
  const char* help;
  MetricType type;
  double (*value)(const ServedModel& model, const ServiceStatistics& statistics);
};

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

#define TIDEMILL_VALUE(expression)                                                               \
  [](const ServedModel& model [[maybe_unused]], const ServiceStatistics& now [[maybe_unused]]) { \
    return static_cast<double>(expression);                                                      \
  }

constexpr ModelRow kModelRows[] = {
    {"tidemill_requests_running", "Texts that share steps.", MetricType::Gauge, TIDEMILL_VALUE(now.n_running)},
    {"tidemill_requests_queued", "Texts that wait to run.", MetricType::Gauge, TIDEMILL_VALUE(now.n_queued)},
    {"tidemill_texts_failed_total", "Texts that ended with an error.", MetricType::Counter,
     TIDEMILL_VALUE(now.n_failed)},
    {"tidemill_prompt_tokens_total", "Tokens of prompts.", MetricType::Counter, TIDEMILL_VALUE(now.prompt_tokens)},
    {"tidemill_prompt_tokens_cached_total", "Tokens of prompts that kept states held already.", MetricType::Counter,
     TIDEMILL_VALUE(now.cached_tokens)},
    {"tidemill_completion_tokens_total", "Tokens that were written.", MetricType::Counter,
     TIDEMILL_VALUE(now.completion_tokens)},
    {"tidemill_draft_tokens_total", "Tokens that were guessed ahead.", MetricType::Counter,
     TIDEMILL_VALUE(now.draft_tokens)},
    {"tidemill_draft_tokens_accepted_total", "Guesses that came true.", MetricType::Counter,
     TIDEMILL_VALUE(now.accepted_tokens)},
    {"tidemill_steps_total", "Passes of the model.", MetricType::Counter, TIDEMILL_VALUE(now.n_steps)},
    {"tidemill_step_tokens_total", "Tokens of all passes; by passes: the mean batch.", MetricType::Counter,
     TIDEMILL_VALUE(now.n_step_tokens)},
    {"tidemill_batch_size", "Tokens of a pass, the mean since the start.", MetricType::Gauge,
     TIDEMILL_VALUE(ratio(now.n_step_tokens, now.n_steps))},
    {"tidemill_prefix_cache_bytes", "Memory of texts' states, kept for prompts that begin alike.", MetricType::Gauge,
     TIDEMILL_VALUE(now.kept_bytes)},
    {"tidemill_states_used_ratio", "Running texts, of those that may run at once.", MetricType::Gauge,
     TIDEMILL_VALUE(ratio(now.n_running, model.service_options.max_running))},
    {"tidemill_state_bytes", "Memory of running and kept states.", MetricType::Gauge, TIDEMILL_VALUE(now.state_bytes)},
    {"tidemill_state_pages_used", "Pages of 128 positions that texts and kept beginnings use.", MetricType::Gauge,
     TIDEMILL_VALUE(now.pages_used)},
    {"tidemill_state_pages_shared", "Of those, the ones that several use.", MetricType::Gauge,
     TIDEMILL_VALUE(now.pages_shared)},
    {"tidemill_state_pages_free", "Pages taken from the system for texts to come.", MetricType::Gauge,
     TIDEMILL_VALUE(now.pages_free)},
    {"tidemill_state_page_takes_total", "Pages that texts took for their states.", MetricType::Counter,
     TIDEMILL_VALUE(now.page_takes)},
    {"tidemill_state_page_reuses_total", "Of those, the ones that needed no memory of the system.", MetricType::Counter,
     TIDEMILL_VALUE(now.page_reuses)},
    {"tidemill_weights_bytes", "Memory of the model's weights.", MetricType::Gauge,
     TIDEMILL_VALUE(model.engine.memory().weights)},
    {"tidemill_delta_bytes", "Memory of fine-tunes' weights, decoded for the model's kernels.", MetricType::Gauge,
     TIDEMILL_VALUE(model.engine.delta_memory().n_bytes)},
    {"tidemill_delta_limit_bytes", "How much that may be.", MetricType::Gauge,
     TIDEMILL_VALUE(model.engine.delta_memory().max_bytes)},
    {"tidemill_delta_hits_total", "Tensors of fine-tunes that a pass found decoded.", MetricType::Counter,
     TIDEMILL_VALUE(model.engine.delta_memory().n_hits)},
    {"tidemill_delta_misses_total", "Tensors of fine-tunes that were decoded.", MetricType::Counter,
     TIDEMILL_VALUE(model.engine.delta_memory().n_misses)},
    {"tidemill_delta_evictions_total", "Of those, the ones that made room for others.", MetricType::Counter,
     TIDEMILL_VALUE(model.engine.delta_memory().n_evictions)},
};

struct EmbedderRow {
  const char* name;
  const char* help;
  MetricType type;
  int64_t EmbeddingServiceStatistics::* value;
};

constexpr EmbedderRow kEmbedderRows[] = {
    {"tidemill_embedding_tasks", "Requests and streams of texts that become vectors.", MetricType::Gauge,
     &EmbeddingServiceStatistics::n_tasks},
    {"tidemill_embedding_texts_waiting", "Texts that wait to become vectors.", MetricType::Gauge,
     &EmbeddingServiceStatistics::n_waiting},
    {"tidemill_embedding_passes_total", "Passes of the model, in each of which several texts become vectors.",
     MetricType::Counter, &EmbeddingServiceStatistics::n_passes},
};

#undef TIDEMILL_VALUE

// A name that dashboards look for, and where its values come from.
struct OtherName {
  std::string_view from;
  const char* name;
};

constexpr OtherName kOtherNames[] = {
    {"tidemill_requests_running", "vllm:num_requests_running"},
    {"tidemill_requests_queued", "vllm:num_requests_waiting"},
    {"tidemill_states_used_ratio", "vllm:kv_cache_usage_perc"},
    {"tidemill_states_used_ratio", "vllm:gpu_cache_usage_perc"},
    {"tidemill_prompt_tokens_total", "vllm:prompt_tokens_total"},
    {"tidemill_completion_tokens_total", "vllm:generation_tokens_total"},
    {"tidemill_prompt_tokens_total", "vllm:prefix_cache_queries_total"},
    {"tidemill_prompt_tokens_cached_total", "vllm:prefix_cache_hits_total"},
    {"tidemill_texts_ended_total", "vllm:request_success_total"},
    {"tidemill_draft_tokens_total", "vllm:spec_decode_num_draft_tokens_total"},
    {"tidemill_draft_tokens_accepted_total", "vllm:spec_decode_num_accepted_tokens_total"},
    {"tidemill_text_prompt_tokens", "vllm:request_prompt_tokens"},
    {"tidemill_text_completion_tokens", "vllm:request_generation_tokens"},
    {"tidemill_text_queue_seconds", "vllm:request_queue_time_seconds"},
    {"tidemill_text_prefill_seconds", "vllm:request_prefill_time_seconds"},
    {"tidemill_text_decode_seconds", "vllm:request_decode_time_seconds"},
    {"tidemill_time_to_first_token_seconds", "vllm:time_to_first_token_seconds"},
    {"tidemill_time_per_output_token_seconds", "vllm:time_per_output_token_seconds"},
    {"tidemill_time_per_output_token_seconds", "vllm:inter_token_latency_seconds"},
    {"tidemill_text_duration_seconds", "vllm:e2e_request_latency_seconds"},
    {"tidemill_prompt_tokens_total", "llamacpp:prompt_tokens_total"},
    {"tidemill_prefill_seconds_total", "llamacpp:prompt_seconds_total"},
    {"tidemill_completion_tokens_total", "llamacpp:tokens_predicted_total"},
    {"tidemill_decode_seconds_total", "llamacpp:tokens_predicted_seconds_total"},
    {"tidemill_prefill_tokens_per_second", "llamacpp:prompt_tokens_seconds"},
    {"tidemill_decode_tokens_per_second", "llamacpp:predicted_tokens_seconds"},
    {"tidemill_steps_total", "llamacpp:n_decode_total"},
    {"tidemill_batch_size", "llamacpp:n_busy_slots_per_decode"},
    {"tidemill_requests_running", "llamacpp:requests_processing"},
    {"tidemill_requests_queued", "llamacpp:requests_deferred"},
    {"tidemill_states_used_ratio", "llamacpp:kv_cache_usage_ratio"},
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// When this process began, in seconds since 1970: near enough, for it is first asked for as the server begins.
const double kStartTime = static_cast<double>(std::time(nullptr));

}  // namespace

void add_model_families(const ServedModels& models, std::vector<MetricFamily>& families) {
  std::vector<ServiceStatistics> statistics;
  auto all = models.all();
  std::erase_if(all, [](const ServedModel& model) { return model.is_fine_tune(); });  // their base counts for them
  for (const ServedModel& model : all) statistics.push_back(model.service->statistics());
  for (const ModelRow& row : kModelRows) {
    MetricFamily& family = families.emplace_back(MetricFamily{row.name, row.help, row.type, {}});
    for (size_t index = 0; index < all.size(); ++index) {
      ClientMetric& metric = family.metric.emplace_back();
      metric.label.push_back({"model", all[index].get().name});
      set_value(metric, row.type, row.value(all[index], statistics[index]));
    }
  }
}

void add_embedder_families(const ServedModels& models, std::vector<MetricFamily>& families) {
  std::vector<EmbeddingServiceStatistics> statistics;
  const auto all = models.embedders();
  for (const ServedEmbedder& model : all) statistics.push_back(model.service.statistics());
  for (const EmbedderRow& row : kEmbedderRows) {
    MetricFamily& family = families.emplace_back(MetricFamily{row.name, row.help, row.type, {}});
    for (size_t index = 0; index < all.size(); ++index) {
      ClientMetric& metric = family.metric.emplace_back();
      metric.label.push_back({"model", all[index].get().name});
      set_value(metric, row.type, static_cast<double>(statistics[index].*row.value));
    }
  }
}

void add_process_families(int64_t n_connections, std::vector<MetricFamily>& families) {
  const auto add = [&](const char* name, const char* help, MetricType type, double value) {
    ClientMetric& metric = families.emplace_back(MetricFamily{name, help, type, {}}).metric.emplace_back();
    set_value(metric, type, value);
  };
  int64_t virtual_pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
  const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  std::error_code ignored;
  const auto open_files = std::filesystem::directory_iterator("/proc/self/fd", ignored);
  add("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
      static_cast<double>(resident_pages) * page_bytes);
  add("process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge,
      static_cast<double>(virtual_pages) * page_bytes);
  add("process_cpu_seconds_total", "Processor time of user and system.", MetricType::Counter,
      seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  add("process_open_fds", "Open files.", MetricType::Gauge,
      static_cast<double>(std::distance(begin(open_files), end(open_files))));
  add("process_start_time_seconds", "When the process began, since 1970.", MetricType::Gauge, kStartTime);
  add("tidemill_connections_open", "Connections of clients.", MetricType::Gauge, static_cast<double>(n_connections));
  add("tidemill_build_info", "Always 1; its label tells the version.", MetricType::Gauge, 1);
  families.back().metric.back().label.push_back({"version", version()});
}

void add_families_by_other_names(std::vector<MetricFamily>& families) {
  const size_t n_own = families.size();
  for (const OtherName& other : kOtherNames) {
    const auto end = families.begin() + static_cast<std::ptrdiff_t>(n_own);
    const auto own = std::find_if(families.begin(), end, [&](const auto& family) { return family.name == other.from; });
    if (own == end) continue;  // nothing of it has happened yet
    MetricFamily family = *own;
    family.name = other.name;
    if (family.name.starts_with("vllm:"))
      for (ClientMetric& metric : family.metric)
        for (ClientMetric::Label& label : metric.label)
          if (label.name == "model") label.name = "model_name";
    families.push_back(std::move(family));
  }
}

}  // namespace tidemill::serve
