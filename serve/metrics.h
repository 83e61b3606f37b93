// Metrics: what the server counts of itself, as Prometheus reads it.  Names follow Prometheus' conventions
// (https://prometheus.io/docs/practices/naming/); what dashboards for vLLM and llama.cpp look for is there under their
// names as well.  All functions may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "serve/served_model.h"

namespace tidemill::serve {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // An HTTP request has been answered; `route` is the path of the table of routes, so that there are only so many.
  void count_request(std::string_view method, std::string_view route, int status, double seconds);
  // A text of a model has ended.
  void count_text(const std::string& model, const Result& result, double seconds);
  // Texts have become vectors.
  void count_embeddings(const std::string& model, int64_t n_texts, int64_t n_tokens);
  // Documents have got scores; tokens are those of queries, too.
  void count_rankings(const std::string& model, int64_t n_documents, int64_t n_tokens);

  // Everything, in Prometheus' text format.
  std::string text(const ServedModels& models, int64_t n_connections) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill::serve
