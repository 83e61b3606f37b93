// tidemill perplexity: how well a model predicts a text.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/text_score.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

constexpr auto kOptions = option_table(
    kModelOption,
    Option{
        .flag = "--file", .kind = OptionKind::text, .value_name = "TEXT", .help = "the text file; -: standard input"},
    Option{.flag = "--ctx",
           .kind = OptionKind::integer,
           .value_name = "N",
           .help = "a longer text is cut into windows of N tokens, each starting afresh; 0: as many as the model takes",
           .fallback = "0",
           .min = 0,
           .max = 1 << 30},
    kDeltaOption, kComputeOptions, kJsonOption);

int run(const Arguments& arguments) {
  if (!arguments.has("--file")) throw Error(ErrorCode::invalid_argument, "--file: none given; name a text file");
  const std::string path = arguments.text("--file");
  const std::string text = read_all(path);
  catch_interrupts();
  const Engine engine = load_engine(arguments);
  const TextScore score = score_text(engine, text, path);
  if (arguments.flag("--json"))
    std::printf("%s\n",
                nlohmann::json{{"perplexity", score.perplexity()}, {"tokens", score.n_tokens}, {"nll", score.nll}}
                    .dump()
                    .c_str());
  else
    std::printf("perplexity %.4f over %lld tokens (%.4f nats per token)\n", score.perplexity(),
                static_cast<long long>(score.n_tokens), score.nll);
  return 0;
}

}  // namespace

const Command kPerplexity = {.name = "perplexity",
                             .summary = "Measure how well a model predicts a text",
                             .usage = "MODEL --file TEXT [options]",
                             .examples =
                                 "  tidemill perplexity gemma3-270m --file book.txt\n"
                                 "  tidemill perplexity model.gguf --file book.txt --ctx 2048 --json\n",
                             .options = kOptions,
                             .max_positionals = 1,
                             .run = run};

}  // namespace tidemill::cli
