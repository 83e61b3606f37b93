// tidemill info: what a model file holds and what running it takes.

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/print_document.h"
#include "tidemill/error.h"
#include "tidemill/model_info.h"

namespace tidemill::cli {
namespace {

using json = nlohmann::ordered_json;

constexpr Option kOptions[] = {
    kModelOption,
    {.flag = "--ctx",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "tell the memory for a context of N positions; 0: the model's own",
     .fallback = "0",
     .min = 0,
     .max = 1 << 30},
    {.flag = "--batch",
     .kind = OptionKind::integer,
     .value_name = "B",
     .help = "tell the memory for B sequences at once",
     .fallback = "1",
     .min = 1,
     .max = 65536},
    {.flag = "--tensors", .help = "list every tensor"},
    kCheckOption,
    kJsonOption,
};

double megabytes(int64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

json to_json(const ModelInfo& model) {
  json tensors = json::array();
  for (const TensorInfo& tensor : model.tensors)
    tensors.push_back({{"name", tensor.name},
                       {"dtype", info(tensor.dtype).name},
                       {"shape", tensor.shape.dims()},
                       {"size_bytes", tensor.size_bytes}});
  json metadata = json::object();
  for (const auto& [key, value] : model.metadata) metadata[key] = value;
  json result = {{"path", model.path},
                 {"format", model.format},
                 {"name", model.name},
                 {"architecture", model.architecture},
                 {"file_bytes", model.file_bytes},
                 {"parameters", model.n_parameters},
                 {"tokenizer", {{"kind", model.tokenizer}, {"vocab_size", model.vocab_size}}},
                 {"context_length", model.context_length},
                 {"runnable", model.runnable},
                 {"tensors", tensors},
                 {"metadata", metadata}};
  if (model.runnable)
    result["memory"] = {{"context_length", model.memory.context_length},
                        {"batch", model.memory.batch},
                        {"weights_bytes", model.memory.weights},
                        {"state_bytes", model.memory.state},
                        {"activations_bytes", model.memory.activations},
                        {"tokenizer_bytes", model.memory.tokenizer},
                        {"total_bytes", model.memory.total()}};
  else
    result["why_not_runnable"] = model.why_not_runnable;
  return result;
}

void print_summary(const ModelInfo& model) {
  std::printf("%s\n", printable(model.path).c_str());
  const auto line = [](const char* what, const std::string& value) {
    std::printf("  %-14s %s\n", what, printable(value).c_str());
  };
  char text[192];
  std::snprintf(text, sizeof text, "%s, %.1f MB, %zu tensors", model.format.c_str(), megabytes(model.file_bytes),
                model.tensors.size());
  line("file", text);
  line("name", model.name);
  line("architecture", model.architecture);
  std::snprintf(text, sizeof text, "%.1f million", static_cast<double>(model.n_parameters) / 1e6);
  line("parameters", text);
  line("tokenizer", model.tokenizer + ", " + std::to_string(model.vocab_size) + " tokens");
  if (!model.runnable) {
    line("cannot run", model.why_not_runnable);
    return;
  }
  line("context", std::to_string(model.context_length) + " tokens");
  std::snprintf(text, sizeof text,
                "%.1f MB to run: weights %.1f, state %.1f (%lld x %lld tokens), activations %.1f, "
                "tokenizer %.1f",
                megabytes(model.memory.total()), megabytes(model.memory.weights), megabytes(model.memory.state),
                static_cast<long long>(model.memory.batch), static_cast<long long>(model.memory.context_length),
                megabytes(model.memory.activations), megabytes(model.memory.tokenizer));
  line("memory", text);
}

// Bytes and elements of each dtype, most bytes first is not needed: few rows.
void print_dtypes(const ModelInfo& model) {
  struct Sum {
    int64_t n_tensors = 0, bytes = 0;
  };
  std::map<std::string_view, Sum> sums;
  for (const TensorInfo& tensor : model.tensors) {
    Sum& sum = sums[info(tensor.dtype).name];
    ++sum.n_tensors;
    sum.bytes += tensor.size_bytes;
  }
  std::printf("\n  dtype    tensors        MB\n");
  for (const auto& [dtype, sum] : sums)
    std::printf("  %-8s %7lld %9.1f\n", std::string(dtype).c_str(), static_cast<long long>(sum.n_tensors),
                megabytes(sum.bytes));
}

void print_tensors(const ModelInfo& model) {
  std::printf("\n");
  for (const TensorInfo& tensor : model.tensors)
    std::printf("  %-40s %-8s %s\n", printable(tensor.name).c_str(), std::string(info(tensor.dtype).name).c_str(),
                tensor.shape.to_string().c_str());
}

int run(const Arguments& arguments) {
  if (arguments.flag("--check")) check_model(arguments.model());
  const ModelInfo model = inspect_model(arguments.model(), arguments.integer("--ctx"), arguments.integer("--batch"));
  if (arguments.flag("--json")) {
    print_document(to_json(model));
    return 0;
  }
  print_summary(model);
  print_dtypes(model);
  if (arguments.flag("--tensors")) print_tensors(model);
  return 0;
}

}  // namespace

const Command kInfo = {.name = "info",
                       .summary = "Tell what a model file holds and the memory it needs",
                       .usage = "FILE [options]",
                       .examples =
                           "  tidemill info model.gguf\n"
                           "  tidemill info gemma3-270m --ctx 8192 --batch 4\n"
                           "  tidemill info model.gguf --tensors\n",
                       .options = kOptions,
                       .max_positionals = 1,
                       .run = run};

}  // namespace tidemill::cli
