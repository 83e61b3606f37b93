// tidemill bench: how fast a model reads and writes on this machine.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill::cli {
namespace {

constexpr Option kOptions[] = {
    kModelOption,
    {.flag = "--prompt-tokens",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "tokens to read",
     .fallback = "512",
     .min = 1,
     .max = 1 << 24},
    {.flag = "--gen-tokens",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "tokens to write, per sequence",
     .fallback = "128",
     .min = 0,
     .max = 1 << 24},
    {.flag = "--batch",
     .kind = OptionKind::integer,
     .value_name = "B",
     .help = "sequences written at once",
     .fallback = "1",
     .min = 1,
     .max = 64},
    kThreadsOption,
    kContextOption,
    kPrecisionOption,
    kStateOption,
    kBackendOption,
    kCheckOption,
    kJsonOption,
};

struct Speed {
  double prefill_tok_s = 0;
  double decode_tok_s = 0;
};

// Feeds the same ids that any model knows; what they mean does not change the speed.
std::vector<int32_t> some_ids(int64_t n, int64_t vocab_size) {
  std::vector<int32_t> ids;
  for (int64_t index = 0; index < n; ++index) ids.push_back(static_cast<int32_t>((index * 7919 + 13) % vocab_size));
  return ids;
}

Speed measure(const Engine& engine, int64_t n_prompt, int64_t n_gen, int64_t batch) {
  if (n_prompt + n_gen > engine.context_length())
    throw Error(ErrorCode::context_full, "bench: " + std::to_string(n_prompt + n_gen) +
                                             " tokens do not fit into a context of " +
                                             std::to_string(engine.context_length()) + "; ask for fewer");
  const std::vector<int32_t> prompt = some_ids(n_prompt, engine.vocab_size());
  std::vector<std::unique_ptr<Session>> sessions;
  std::vector<Session*> views;
  std::vector<int32_t> next;
  double prefill_seconds = 0;
  for (int64_t index = 0; index < batch; ++index) {
    views.push_back(sessions.emplace_back(std::make_unique<Session>(engine)).get());
    const Stopwatch stopwatch;
    next.push_back(arg_max(views.back()->append(prompt)));
    prefill_seconds += stopwatch.seconds();
  }
  const Stopwatch stopwatch;
  for (int64_t step = 0; step < n_gen; ++step) {
    const std::vector<int32_t> ids = next;
    Session::append_each(views, ids, [&](int64_t session, std::span<const float> logits) {
      next[static_cast<size_t>(session)] = arg_max(logits);
    });
  }
  return {.prefill_tok_s = static_cast<double>(n_prompt * batch) / prefill_seconds,
          .decode_tok_s = n_gen > 0 ? static_cast<double>(n_gen * batch) / stopwatch.seconds() : 0};
}

int run(const Arguments& arguments) {
  const Engine engine = load_engine(arguments);
  const int64_t n_prompt = arguments.integer("--prompt-tokens"), n_gen = arguments.integer("--gen-tokens");
  const int64_t batch = arguments.integer("--batch");
  measure(engine, std::min<int64_t>(n_prompt, 32), std::min<int64_t>(n_gen, 4), 1);  // warm-up
  const Speed speed = measure(engine, n_prompt, n_gen, batch);
  if (arguments.flag("--json"))
    std::printf("%s\n", nlohmann::json{{"prefill_tok_s", speed.prefill_tok_s},
                                       {"decode_tok_s", speed.decode_tok_s},
                                       {"load_s", engine.load_ms() / 1e3},
                                       {"peak_rss_bytes", peak_rss_bytes()},
                                       {"threads", engine.threads()},
                                       {"batch", batch},
                                       {"isa", active_isa()}}
                            .dump()
                            .c_str());
  else
    std::printf(
        "reads %.1f tokens/s, writes %.1f tokens/s (%d threads, batch %lld, %s); loaded in %.0f ms, peak memory %.0f "
        "MB\n",
        speed.prefill_tok_s, speed.decode_tok_s, engine.threads(), static_cast<long long>(batch), active_isa().c_str(),
        engine.load_ms(), static_cast<double>(peak_rss_bytes()) / 1e6);
  return 0;
}

}  // namespace

const Command kBench = {.name = "bench",
                        .summary = "Measure how fast a model reads and writes here",
                        .usage = "MODEL [options]",
                        .examples =
                            "  tidemill bench gemma3-270m\n"
                            "  tidemill bench gemma3-270m --threads 1 --prompt-tokens 512 --gen-tokens 128 --json\n"
                            "  tidemill bench gemma3-270m --batch 16\n",
                        .options = kOptions,
                        .max_positionals = 1,
                        .run = run};

}  // namespace tidemill::cli
