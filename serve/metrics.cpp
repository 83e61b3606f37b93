#include "serve/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <sstream>
#include <tuple>

#include "serve/metric_families.h"

namespace tidemill::serve {
namespace {

using prometheus::Histogram;
using Labels = prometheus::Labels;

const Histogram::BucketBoundaries kRequestSeconds = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300};
const Histogram::BucketBoundaries kFirstTokenSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
const Histogram::BucketBoundaries kTokenSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1};
const Histogram::BucketBoundaries kTokens = {1, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10'000, 20'000, 50'000};

// By the words that dashboards know.
const char* reason_of(FinishReason reason) {
  if (reason == FinishReason::cancelled) return "abort";
  return reason == FinishReason::stop ? "stop" : "length";
}

}  // namespace

class Metrics::Impl {
 public:
  using Counters = prometheus::Family<prometheus::Counter>;
  using Gauges = prometheus::Family<prometheus::Gauge>;
  using Histograms = prometheus::Family<Histogram>;

  // What is counted for one kind of answer; found once for each.
  struct Answered {
    prometheus::Counter& count;
    Histogram& seconds;
  };

  Answered& answered(std::string_view method, std::string_view route, int status) {
    const std::lock_guard lock(mutex_);
    const auto found = answered_.find(std::tuple(method, route, status));
    if (found != answered_.end()) return found->second;
    const Labels labels = {{"method", std::string(method)}, {"route", std::string(route)}};
    Labels with_status = labels;
    with_status["status"] = std::to_string(status);
    return answered_
        .emplace(std::tuple(std::string(method), std::string(route), status),
                 Answered{requests_.Add(with_status), request_seconds_.Add(labels, kRequestSeconds)})
        .first->second;
  }

  prometheus::Registry registry;

 private:
  Counters& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Gauges& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Histograms& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

 public:
  Counters& texts_ended =
      counters("tidemill_texts_ended_total", "Texts that ended; those that their clients ended count as 'abort'.");
  Histograms& text_seconds =
      histograms("tidemill_text_duration_seconds", "Time from a request to the end of its text.");
  Histograms& first_token_seconds =
      histograms("tidemill_time_to_first_token_seconds", "Time from a request to the first token of its text.");
  Histograms& token_seconds =
      histograms("tidemill_time_per_output_token_seconds", "Mean time between the tokens of a text.");
  Histograms& queue_seconds =
      histograms("tidemill_text_queue_seconds", "Time that texts waited before their prompt was read.");
  Histograms& prompt_seconds = histograms("tidemill_text_prefill_seconds", "Time that a text's prompt took to read.");
  Histograms& writing_seconds =
      histograms("tidemill_text_decode_seconds", "Time between the first and the last token of a text.");
  Histograms& prompt_tokens = histograms("tidemill_text_prompt_tokens", "Tokens of a text's prompt.");
  Histograms& completion_tokens = histograms("tidemill_text_completion_tokens", "Tokens that were written of a text.");
  Counters& prefill_seconds = counters("tidemill_prefill_seconds_total", "Time that texts spent on reading prompts.");
  Counters& decode_seconds =
      counters("tidemill_decode_seconds_total", "Time that texts spent between their first and last tokens.");
  Gauges& prefill_rate = gauges("tidemill_prefill_tokens_per_second", "Of the last prompt that was read.");
  Gauges& decode_rate = gauges("tidemill_decode_tokens_per_second", "Of the last text that was written.");
  Counters& embedded_texts = counters("tidemill_embedded_texts_total", "Texts that became vectors.");
  Counters& embedded_tokens = counters("tidemill_embedded_tokens_total", "Tokens of texts that became vectors.");
  Counters& ranked_documents = counters("tidemill_ranked_documents_total", "Documents that got scores.");
  Counters& ranked_tokens =
      counters("tidemill_ranked_tokens_total", "Tokens of documents that got scores, with those of their queries.");

 private:
  Counters& requests_ = counters("tidemill_http_requests_total", "HTTP requests that were answered.");
  Histograms& request_seconds_ =
      histograms("tidemill_http_request_duration_seconds", "Time from a whole HTTP request to its whole answer.");
  std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, Answered, std::less<>> answered_;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::count_request(std::string_view method, std::string_view route, int status, double seconds) {
  Impl::Answered& answered = impl_->answered(method, route, status);
  answered.count.Increment();
  answered.seconds.Observe(seconds);
}

void Metrics::count_text(const std::string& model, const Result& result, double seconds) {
  const Labels labels = {{"model", model}};
  const Usage& usage = result.usage;
  const Timings& timings = result.timings;
  impl_->texts_ended.Add({{"model", model}, {"finished_reason", reason_of(result.finish_reason)}}).Increment();
  impl_->text_seconds.Add(labels, kRequestSeconds).Observe(seconds);
  impl_->prompt_tokens.Add(labels, kTokens).Observe(static_cast<double>(usage.prompt_tokens));
  impl_->completion_tokens.Add(labels, kTokens).Observe(static_cast<double>(usage.completion_tokens));
  if (usage.completion_tokens > 0)
    impl_->first_token_seconds.Add(labels, kFirstTokenSeconds).Observe(timings.ttft_ms / 1e3);
  if (timings.prefill_tok_s > 0) {
    const double reading = static_cast<double>(usage.prompt_tokens - usage.cached_tokens) / timings.prefill_tok_s;
    impl_->prompt_seconds.Add(labels, kRequestSeconds).Observe(reading);
    impl_->queue_seconds.Add(labels, kRequestSeconds).Observe(std::max(0.0, timings.ttft_ms / 1e3 - reading));
    impl_->prefill_seconds.Add(labels).Increment(reading);
    impl_->prefill_rate.Add(labels).Set(timings.prefill_tok_s);
  }
  if (timings.decode_tok_s > 0) {
    const double writing = static_cast<double>(usage.completion_tokens - 1) / timings.decode_tok_s;
    impl_->token_seconds.Add(labels, kTokenSeconds).Observe(1 / timings.decode_tok_s);
    impl_->writing_seconds.Add(labels, kRequestSeconds).Observe(writing);
    impl_->decode_seconds.Add(labels).Increment(writing);
    impl_->decode_rate.Add(labels).Set(timings.decode_tok_s);
  }
}

void Metrics::count_embeddings(const std::string& model, int64_t n_texts, int64_t n_tokens) {
  const Labels labels = {{"model", model}};
  impl_->embedded_texts.Add(labels).Increment(static_cast<double>(n_texts));
  impl_->embedded_tokens.Add(labels).Increment(static_cast<double>(n_tokens));
}

void Metrics::count_rankings(const std::string& model, int64_t n_documents, int64_t n_tokens) {
  const Labels labels = {{"model", model}};
  impl_->ranked_documents.Add(labels).Increment(static_cast<double>(n_documents));
  impl_->ranked_tokens.Add(labels).Increment(static_cast<double>(n_tokens));
}

std::string Metrics::text(const ServedModels& models, int64_t n_connections) const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  add_model_families(models, families);
  add_embedder_families(models, families);
  add_process_families(n_connections, families);
  add_families_by_other_names(families);
  std::ostringstream text;
  text.imbue(std::locale::classic());
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace tidemill::serve
