// Families of metrics that are read when Prometheus asks, rather than counted as things happen.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <vector>

#include "serve/served_model.h"

namespace tidemill::serve {

// What the services of the models tell: queues, batches, tokens, states.
void add_model_families(const ServedModels& models, std::vector<prometheus::MetricFamily>& families);
// What the services of the embedders tell.
void add_embedder_families(const ServedModels& models, std::vector<prometheus::MetricFamily>& families);
// What Prometheus' own clients tell of a process, by the same names.
void add_process_families(int64_t n_connections, std::vector<prometheus::MetricFamily>& families);
// Families once more by the names that vLLM and llama.cpp give them.
void add_families_by_other_names(std::vector<prometheus::MetricFamily>& families);

}  // namespace tidemill::serve
