// tidemill perplexity: how well a model predicts a text.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"

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
  const std::vector<int32_t> ids = engine.tokenizer().encode(text);
  if (ids.size() < 2) throw Error(ErrorCode::bad_file, path + ": is too short; perplexity needs two tokens or more");
  const auto window = static_cast<size_t>(engine.context_length());
  if (window < 2) throw Error(ErrorCode::invalid_argument, "--ctx: a window of 1 predicts nothing; use 2 or more");

  Session session(engine);
  Progress progress("scoring");
  double nll = 0;
  int64_t n_scored = 0;
  constexpr size_t kPiece = 256;  // tokens between looks at Ctrl-C
  for (size_t begin = 0; begin + 1 < ids.size(); begin += window) {
    const size_t end = std::min(ids.size(), begin + window);
    session.truncate(0);
    for (size_t piece = begin; piece < end; piece += kPiece) {
      if (interrupted()) return exit_status(ErrorCode::cancelled);
      const std::span<const int32_t> part(ids.data() + piece, std::min(kPiece, end - piece));
      session.score(part, [&](int64_t position, std::span<const float> logits) {
        const size_t target = begin + static_cast<size_t>(position) + 1;
        if (target >= end) return;
        nll += log_sum_exp(logits) - logits[static_cast<size_t>(ids[target])];
        ++n_scored;
      });
      progress.update(static_cast<double>(piece + part.size()) / static_cast<double>(ids.size()));
    }
  }
  const double mean = nll / static_cast<double>(n_scored);
  if (arguments.flag("--json"))
    std::printf("%s\n",
                nlohmann::json{{"perplexity", std::exp(mean)}, {"tokens", n_scored}, {"nll", mean}}.dump().c_str());
  else
    std::printf("perplexity %.4f over %lld tokens (%.4f nats per token)\n", std::exp(mean),
                static_cast<long long>(n_scored), mean);
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
