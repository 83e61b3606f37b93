#include "cli/memory_report.h"

#include <cstdio>

#include "tidemill/model_info.h"
#include "tidemill/system.h"

namespace tidemill::cli {
namespace {

void print_line(const char* what, int64_t bytes) {
  std::fprintf(stderr, "  %-12s %9.1f MB\n", what, static_cast<double>(bytes) / 1e6);
}

}  // namespace

void print_memory_plan(const std::string& model, int64_t context_length) {
  const MemoryNeed need = inspect_model(model, context_length).memory;
  std::fprintf(stderr, "planned for a context of %lld tokens\n", static_cast<long long>(need.context_length));
  print_line("weights", need.weights);
  print_line("state", need.state);
  print_line("activations", need.activations);
  print_line("tokenizer", need.tokenizer);
  print_line("together", need.total());
}

void print_memory_use(const Engine& engine, const Usage& usage) {
  const MemoryUse memory = engine.memory();
  std::fprintf(stderr, "used for %lld tokens\n", static_cast<long long>(usage.prompt_tokens + usage.completion_tokens));
  print_line("weights", memory.weights);
  print_line("state", memory.state_taken);
  print_line("activations", memory.activations);
  print_line("process", peak_rss_bytes());
}

}  // namespace tidemill::cli
