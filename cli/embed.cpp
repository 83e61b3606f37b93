// tidemill embed: texts to vectors.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/input.h"
#include "cli/json_writer.h"
#include "cli/progress.h"
#include "tidemill/embedder.h"
#include "tidemill/error.h"
#include "tidemill/stopwatch.h"

namespace tidemill::cli {
namespace {

constexpr auto kOptions = option_table(
    kModelOption,
    Option{.flag = "--text", .kind = OptionKind::text, .value_name = "T", .help = "print the vector of this text"},
    Option{.flag = "--stdin-jsonl",
           .help = "answer lines {\"text\":...} of standard input with lines {\"embedding\":[...]}"},
    Option{.flag = "--prompt-name",
           .kind = OptionKind::text,
           .value_name = "P",
           .help = "the model's prompt before each text, such as query; its default one where none is named"},
    Option{.flag = "--dimensions",
           .kind = OptionKind::integer,
           .value_name = "N",
           .help = "only the first N elements, of length 1 again where the model's vectors are; 0: all",
           .fallback = "0",
           .min = 0,
           .max = 1 << 20},
    Option{.flag = "--bench", .help = "measure how many texts of random tokens are embedded in a second"},
    Option{.flag = "--batch",
           .kind = OptionKind::integer,
           .value_name = "B",
           .help = "texts at once to measure with",
           .fallback = "8",
           .min = 1,
           .max = 4096},
    Option{.flag = "--seq-len",
           .kind = OptionKind::integer,
           .value_name = "L",
           .help = "tokens of each to measure with",
           .fallback = "128",
           .min = 1,
           .max = 1 << 20},
    kContextOption, kComputeOptions, kJsonOption);

Embedder load(const Arguments& arguments) {
  const std::string model = arguments.model();
  EngineOptions options = engine_options(arguments);
  options.backend = arguments.text("--backend");
  options.check_weights = arguments.flag("--check");
  Progress progress("loading " + model);
  options.on_progress = [&](double share) { progress.update(share); };
  return Embedder::load(model, options);
}

std::string vector_of(const Embedder& embedder, const std::string& text, const EmbedOptions& options) {
  const std::string_view view = text;
  return to_json(embedder.embed({&view, 1}, options).front());
}

void bench(const Embedder& embedder, const Arguments& arguments) {
  constexpr double kSeconds = 2;
  const auto n_tokens = static_cast<size_t>(arguments.integer("--seq-len"));
  std::vector<std::vector<int32_t>> texts(static_cast<size_t>(arguments.integer("--batch")));
  const auto vocab_size = static_cast<uint64_t>(embedder.engine().vocab_size());
  uint64_t random = 1;
  for (auto& text : texts)
    for (size_t at = 0; at < n_tokens; ++at) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      text.push_back(static_cast<int32_t>((random >> 33) % vocab_size));
    }
  embedder.embed_ids(texts);  // pages and caches are warm then
  const Stopwatch stopwatch;
  int64_t n_texts = 0;
  do {
    embedder.embed_ids(texts);
    n_texts += std::ssize(texts);
  } while (stopwatch.seconds() < kSeconds);
  const double per_second = static_cast<double>(n_texts) / stopwatch.seconds();
  if (arguments.flag("--json"))
    std::printf("%s\n", nlohmann::json{{"embeddings_per_s", per_second}}.dump().c_str());
  else
    std::printf("%.1f embeddings/s\n", per_second);
}

int run(const Arguments& arguments) {
  const EmbedOptions options{.prompt_name = arguments.has("--prompt-name") ? arguments.text("--prompt-name") : "",
                             .dimensions = arguments.integer("--dimensions")};
  if (!arguments.flag("--bench") && !arguments.flag("--stdin-jsonl") && !arguments.has("--text"))
    throw Error(ErrorCode::invalid_argument, "embed: there is nothing to do; give --text, --stdin-jsonl or --bench");
  const Embedder embedder = load(arguments);
  if (arguments.flag("--bench")) {
    bench(embedder, arguments);
  } else if (arguments.has("--text")) {
    const std::string vector = vector_of(embedder, arguments.text("--text"), options);
    std::printf("%s\n", arguments.flag("--json") ? ("{\"embedding\":" + vector + "}").c_str() : vector.c_str());
  } else {
    answer_json_lines([&](const nlohmann::json& line) {
      return "{\"embedding\":" + vector_of(embedder, line.at("text").get<std::string>(), options) + "}";
    });
  }
  return 0;
}

}  // namespace

const Command kEmbed = {.name = "embed",
                        .summary = "Turn texts into vectors with an encoder",
                        .usage = "MODEL (--text T | --stdin-jsonl | --bench) [options]",
                        .examples =
                            "  tidemill embed all-minilm-l6-v2 --text \"The tide mill stood\"\n"
                            "  echo '{\"text\":\"The tide mill\"}' | tidemill embed all-minilm-l6-v2 --stdin-jsonl\n"
                            "  tidemill embed all-minilm-l6-v2 --bench --batch 8 --seq-len 128 --json\n",
                        .options = kOptions,
                        .max_positionals = 1,
                        .run = run};

}  // namespace tidemill::cli
