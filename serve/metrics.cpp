#include "serve/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <sstream>
#include <tuple>

#include "serve/metric_families.h"

namespace tidemill::serve {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildHistogram;
using prometheus::Histogram;

const Histogram::BucketBoundaries kRequestSeconds = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300};
const Histogram::BucketBoundaries kFirstTokenSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
const Histogram::BucketBoundaries kTokenSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1};

}  // namespace

class Metrics::Impl {
 public:
  // What is counted for one kind of answer; found once for each.
  struct Answered {
    prometheus::Counter& count;
    Histogram& seconds;
  };

  Answered& answered(std::string_view method, std::string_view route, int status) {
    const std::lock_guard lock(mutex_);
    const auto found = answered_.find(std::tuple(method, route, status));
    if (found != answered_.end()) return found->second;
    const std::map<std::string, std::string> labels = {{"method", std::string(method)}, {"route", std::string(route)}};
    auto with_status = labels;
    with_status["status"] = std::to_string(status);
    return answered_
        .emplace(std::tuple(std::string(method), std::string(route), status),
                 Answered{requests_.Add(with_status), request_seconds_.Add(labels, kRequestSeconds)})
        .first->second;
  }

  prometheus::Registry registry;
  prometheus::Family<Histogram>& first_token_seconds = BuildHistogram()
                                                           .Name("tidemill_time_to_first_token_seconds")
                                                           .Help("Time from a request to the first token of its text.")
                                                           .Register(registry);
  prometheus::Family<Histogram>& token_seconds = BuildHistogram()
                                                     .Name("tidemill_time_per_output_token_seconds")
                                                     .Help("Mean time between the tokens of a text.")
                                                     .Register(registry);
  prometheus::Family<Histogram>& text_seconds = BuildHistogram()
                                                    .Name("tidemill_text_duration_seconds")
                                                    .Help("Time from a request to the end of its text.")
                                                    .Register(registry);
  prometheus::Family<prometheus::Counter>& prefill_seconds = BuildCounter()
                                                                 .Name("tidemill_prefill_seconds_total")
                                                                 .Help("Time that texts spent on reading prompts.")
                                                                 .Register(registry);
  prometheus::Family<prometheus::Counter>& decode_seconds =
      BuildCounter()
          .Name("tidemill_decode_seconds_total")
          .Help("Time that texts spent between their first and last tokens.")
          .Register(registry);

 private:
  prometheus::Family<prometheus::Counter>& requests_ =
      BuildCounter().Name("tidemill_http_requests_total").Help("HTTP requests that were answered.").Register(registry);
  prometheus::Family<Histogram>& request_seconds_ = BuildHistogram()
                                                        .Name("tidemill_http_request_duration_seconds")
                                                        .Help("Time from a whole HTTP request to its whole answer.")
                                                        .Register(registry);
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
  const std::map<std::string, std::string> labels = {{"model", model}};
  const auto n_tokens = static_cast<double>(result.usage.completion_tokens);
  const auto n_read = static_cast<double>(result.usage.prompt_tokens - result.usage.cached_tokens);
  impl_->text_seconds.Add(labels, kRequestSeconds).Observe(seconds);
  if (n_tokens > 0) impl_->first_token_seconds.Add(labels, kFirstTokenSeconds).Observe(result.timings.ttft_ms / 1e3);
  if (result.timings.prefill_tok_s > 0)
    impl_->prefill_seconds.Add(labels).Increment(n_read / result.timings.prefill_tok_s);
  if (result.timings.decode_tok_s > 0) {
    impl_->token_seconds.Add(labels, kTokenSeconds).Observe(1 / result.timings.decode_tok_s);
    impl_->decode_seconds.Add(labels).Increment((n_tokens - 1) / result.timings.decode_tok_s);
  }
}

std::string Metrics::text(const ServedModels& models, int64_t n_connections) const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  add_model_families(models, families);
  add_process_families(n_connections, families);
  add_families_by_other_names(families);
  std::ostringstream text;
  text.imbue(std::locale::classic());
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace tidemill::serve
