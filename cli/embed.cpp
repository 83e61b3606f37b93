// tidemill embed: texts to vectors.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/embed_bench.h"
#include "cli/embed_job.h"
#include "cli/embed_stream.h"
#include "cli/engine_options.h"
#include "cli/input.h"
#include "tidemill/embedder.h"
#include "tidemill/error.h"
#include "tidemill/vector_json.h"

namespace tidemill::cli {
namespace {

constexpr auto kOptions = option_table(
    kModelOption,
    Option{.flag = "--text", .kind = OptionKind::text, .value_name = "T", .help = "print the vector of this text"},
    Option{.flag = "--stdin-jsonl",
           .help =
               "answer lines {\"text\":...} of standard input with lines {\"embedding\":[...]}, and {\"texts\":[...]}, "
               "which share passes, with {\"embeddings\":[...]}"},
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
    Option{
        .flag = "--long-texts",
        .kind = OptionKind::text,
        .value_name = "L",
        .help = "of texts longer than the model reads: cut, or read in parts joined by mean, max, tokens or position",
        .fallback = "cut"},
    Option{.flag = "--overlap",
           .kind = OptionKind::integer,
           .value_name = "N",
           .help = "tokens that such parts, or chunks of --stream, share",
           .fallback = "0",
           .min = 0,
           .max = 1 << 20},
    kStreamOptions, kJobOptions,
    Option{.flag = "--bench", .help = "measure how many texts of random tokens are embedded in a second"},
    Option{.flag = "--profile", .help = "with --bench: say which operations take the time"},
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
    kContextOption, kDeltaOption, kComputeOptions, kJsonOption);

LongText long_text(const Arguments& arguments) {
  const std::string name = arguments.text("--long-texts");
  if (const auto kind = long_text_of(name)) return *kind;
  throw Error(ErrorCode::invalid_argument,
              "--long-texts: '" + name + "' is not known; give cut, mean, max, tokens or position");
}

std::string vector_of(const Embedder& embedder, const std::string& text, const EmbedOptions& options) {
  const std::string_view view = text;
  return vector_json(embedder.embed({&view, 1}, options).front());
}

// Of texts that share passes.
std::string vectors_of(const Embedder& embedder, const nlohmann::json& list, const EmbedOptions& options) {
  const auto texts = list.get<std::vector<std::string>>();
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::string text = "[";
  for (const auto& vector : embedder.embed(views, options)) text += (text.size() > 1 ? "," : "") + vector_json(vector);
  return text + "]";
}

int run(const Arguments& arguments) {
  const EmbedOptions options{.prompt_name = arguments.has("--prompt-name") ? arguments.text("--prompt-name") : "",
                             .dimensions = arguments.integer("--dimensions"),
                             .long_text = long_text(arguments),
                             .overlap = arguments.integer("--overlap")};
  if (arguments.has("--input")) return run_job(arguments, options);
  if (!arguments.flag("--bench") && !arguments.flag("--stdin-jsonl") && !arguments.has("--text") &&
      !arguments.flag("--stream"))
    throw Error(ErrorCode::invalid_argument,
                "embed: there is nothing to do; give --text, --stdin-jsonl, --stream, --input or --bench");
  const Embedder embedder = load_by(Embedder::load, arguments, {.profile = arguments.flag("--profile")});
  if (arguments.flag("--stream")) return stream_embeddings(embedder, arguments, options);
  if (arguments.flag("--bench")) {
    bench_embeddings(embedder, arguments);
  } else if (arguments.has("--text")) {
    const std::string vector = vector_of(embedder, arguments.text("--text"), options);
    std::printf("%s\n", arguments.flag("--json") ? ("{\"embedding\":" + vector + "}").c_str() : vector.c_str());
  } else {
    answer_json_lines([&](const nlohmann::json& line) {
      if (line.contains("texts")) return "{\"embeddings\":" + vectors_of(embedder, line["texts"], options) + "}";
      return "{\"embedding\":" + vector_of(embedder, line.at("text").get<std::string>(), options) + "}";
    });
  }
  return 0;
}

}  // namespace

const Command kEmbed = {
    .name = "embed",
    .summary = "Turn texts into vectors",
    .usage = "MODEL (--text T | --stdin-jsonl | --stream | --input PATH --output FOLDER | --bench) [options]",
    .examples =
        "  tidemill embed all-minilm-l6-v2 --text \"The tide mill stood\"\n"
        "  echo '{\"text\":\"The tide mill\"}' | tidemill embed all-minilm-l6-v2 --stdin-jsonl\n"
        "  tidemill embed all-minilm-l6-v2 --stream --chunk-by sentence < text\n"
        "  tidemill embed all-minilm-l6-v2 --input texts/ --output vectors/\n"
        "  tidemill embed all-minilm-l6-v2 --bench --batch 8 --seq-len 128 --json\n",
    .options = kOptions,
    .max_positionals = 1,
    .run = run};

}  // namespace tidemill::cli
