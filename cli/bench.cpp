// tidemill bench: how fast a model reads and writes on this machine.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/input.h"
#include "cli/profile_report.h"
#include "cli/speculate_option.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill::cli {
namespace {

// Off unless it is asked for: other figures are of tokens that are computed one by one.
constexpr Option speculate_option() {
  Option option = kSpeculateOption;
  option.fallback = "off";
  return option;
}
constexpr Option kSpeculate = speculate_option();

constexpr auto kOptions =
    option_table(kModelOption,
                 Option{.flag = "--prompt-tokens",
                        .kind = OptionKind::integer,
                        .value_name = "N",
                        .help = "tokens to read",
                        .fallback = "512",
                        .min = 1,
                        .max = 1 << 24},
                 Option{.flag = "--gen-tokens",
                        .kind = OptionKind::integer,
                        .value_name = "N",
                        .help = "tokens to write, per sequence",
                        .fallback = "128",
                        .min = 0,
                        .max = 1 << 24},
                 Option{.flag = "--batch",
                        .kind = OptionKind::integer,
                        .value_name = "B",
                        .help = "sequences written at once",
                        .fallback = "1",
                        .min = 1,
                        .max = 64},
                 Option{.flag = "--text",
                        .kind = OptionKind::text,
                        .value_name = "FILE",
                        .help = "read this text, as far as --prompt-tokens go, instead of random tokens"},
                 kSpeculate, kDraftOption, kHeadOption,
                 Option{.flag = "--profile",
                        .help = "say which operations take the time, and their share of what this machine can do"},
                 kContextOption, kComputeOptions, kJsonOption);

// What is measured.
struct Work {
  std::vector<int32_t> prompt = {};
  int64_t n_gen = 0;
  int64_t batch = 1;
  int32_t speculate = 0;
};

struct Measured {
  PhaseProfile prefill{.name = "prefill"};
  PhaseProfile decode{.name = "decode"};
  Usage usage;  // of guesses ahead
};

double tokens_per_second(const PhaseProfile& phase) {
  return phase.n_tokens > 0 ? static_cast<double>(phase.n_tokens) / phase.seconds : 0;
}

// Feeds the same ids that any model knows; what they mean does not change the speed.
std::vector<int32_t> some_ids(int64_t n, int64_t vocab_size) {
  std::vector<int32_t> ids;
  for (int64_t index = 0; index < n; ++index) ids.push_back(static_cast<int32_t>((index * 7919 + 13) % vocab_size));
  return ids;
}

Work work_of(const Engine& engine, const Arguments& arguments) {
  Work work{.n_gen = arguments.integer("--gen-tokens"),
            .batch = arguments.integer("--batch"),
            .speculate = speculate(arguments)};
  const int64_t n_prompt = arguments.integer("--prompt-tokens");
  if (work.speculate != 0 && work.batch > 1)
    throw Error(ErrorCode::invalid_argument, "--speculate: is measured on one sequence; leave out --batch");
  if (!arguments.has("--text")) {
    work.prompt = some_ids(n_prompt, engine.vocab_size());
    return work;
  }
  work.prompt = engine.tokenizer().encode(read_all(arguments.text("--text")));
  if (work.prompt.empty()) throw Error(ErrorCode::invalid_argument, "--text: the file is empty; give some text");
  work.prompt.resize(std::min(work.prompt.size(), static_cast<size_t>(n_prompt)));
  return work;
}

// One token at a time for each session, the most likely one.
void write_step_by_step(std::span<Session* const> sessions, std::vector<int32_t> next, int64_t n_gen) {
  for (int64_t step = 0; step < n_gen; ++step) {
    const std::vector<int32_t> ids = next;
    Session::append_each(sessions, ids, [&](int64_t session, std::span<const float> logits) {
      next[static_cast<size_t>(session)] = arg_max(logits);
    });
  }
}

// As a request is written, which needs the most likely token only, not all scores.  `first` follows the prompt.
Usage write_text(Session& session, const Work& work, int32_t first) {
  std::vector<int32_t> ids = work.prompt;
  ids.push_back(first);
  return session
      .generate({.prompt_ids = std::move(ids),
                 .max_tokens = work.n_gen,
                 .sampling = {.temperature = 0},
                 .ignore_eos = true,
                 .speculate = work.speculate})
      .usage;
}

Measured measure(const Engine& engine, const Work& work) {
  const int64_t n_prompt = std::ssize(work.prompt);
  if (n_prompt + work.n_gen > engine.context_length())
    throw Error(ErrorCode::context_full, "bench: " + std::to_string(n_prompt + work.n_gen) +
                                             " tokens do not fit into a context of " +
                                             std::to_string(engine.context_length()) + "; ask for fewer");
  std::vector<std::unique_ptr<Session>> sessions;
  std::vector<Session*> views;
  std::vector<int32_t> next;
  Measured measured;
  engine.take_profile();
  for (int64_t index = 0; index < work.batch; ++index) {
    views.push_back(sessions.emplace_back(std::make_unique<Session>(engine)).get());
    const Stopwatch stopwatch;
    next.push_back(arg_max(views.back()->append(work.prompt)));
    measured.prefill.seconds += stopwatch.seconds();
  }
  measured.prefill.n_tokens = n_prompt * work.batch;
  measured.prefill.rows = engine.take_profile();
  const Stopwatch stopwatch;
  if (work.batch == 1)
    measured.usage = write_text(*views.front(), work, next.front());
  else
    write_step_by_step(views, next, work.n_gen);
  measured.decode.seconds = stopwatch.seconds();
  measured.decode.n_tokens = work.n_gen * work.batch;
  measured.decode.rows = engine.take_profile();
  return measured;
}

void print_json(const Engine& engine, const Measured& measured, int64_t batch, int64_t peak_bytes, bool profile) {
  nlohmann::json result{{"prefill_tok_s", tokens_per_second(measured.prefill)},
                        {"decode_tok_s", tokens_per_second(measured.decode)},
                        {"load_s", engine.load_ms() / 1e3},
                        {"peak_rss_bytes", peak_bytes},
                        {"threads", engine.threads()},
                        {"batch", batch},
                        {"isa", active_isa()},
                        {"draft_tokens", measured.usage.draft_tokens},
                        {"accepted_tokens", measured.usage.accepted_tokens}};
  if (profile) {
    const Roofs roofs = measure_roofs(engine.threads());
    result["profile"] = {{"roofs", roofs_json(roofs)},
                         {"prefill", profile_json(measured.prefill, roofs)},
                         {"decode", profile_json(measured.decode, roofs)}};
  }
  std::printf("%s\n", result.dump().c_str());
}

void print_table(const Engine& engine, const Measured& measured, int64_t batch, int64_t peak_bytes, bool profile) {
  std::printf(
      "reads %.1f tokens/s, writes %.1f tokens/s (%d threads, batch %lld, %s); loaded in %.0f ms, peak memory %.0f "
      "MB\n",
      tokens_per_second(measured.prefill), tokens_per_second(measured.decode), engine.threads(),
      static_cast<long long>(batch), active_isa().c_str(), engine.load_ms(), static_cast<double>(peak_bytes) / 1e6);
  if (measured.usage.draft_tokens > 0)
    std::printf("%lld tokens were guessed ahead, %lld of them right\n",
                static_cast<long long>(measured.usage.draft_tokens),
                static_cast<long long>(measured.usage.accepted_tokens));
  if (!profile) return;
  const Roofs roofs = measure_roofs(engine.threads());
  print_profile(measured.prefill, roofs);
  print_profile(measured.decode, roofs);
}

int run(const Arguments& arguments) {
  const bool profile = arguments.flag("--profile");
  const Engine engine = load_engine(
      arguments, {.draft = arguments.text("--draft"), .head = arguments.text("--head"), .profile = profile});
  const Work work = work_of(engine, arguments);
  Work warm_up = work;
  warm_up.batch = 1;
  warm_up.n_gen = std::min<int64_t>(work.n_gen, 4);
  warm_up.prompt.resize(std::min<size_t>(work.prompt.size(), 32));
  measure(engine, warm_up);
  const Measured measured = measure(engine, work);
  const int64_t peak_bytes = peak_rss_bytes();  // before the roofs take memory
  const auto print = arguments.flag("--json") ? print_json : print_table;
  print(engine, measured, work.batch, peak_bytes, profile);
  return 0;
}

}  // namespace

const Command kBench = {.name = "bench",
                        .summary = "Measure how fast a model reads and writes here",
                        .usage = "MODEL [options]",
                        .examples =
                            "  tidemill bench gemma3-270m\n"
                            "  tidemill bench gemma3-270m --threads 1 --prompt-tokens 512 --gen-tokens 128 --json\n"
                            "  tidemill bench gemma3-270m --batch 16\n"
                            "  tidemill bench gemma3-270m --text story.txt --speculate auto\n"
                            "  tidemill bench gemma3-270m --profile\n",
                        .options = kOptions,
                        .max_positionals = 1,
                        .run = run};

}  // namespace tidemill::cli
