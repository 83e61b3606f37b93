// tidemill run: continues a text, or talks on a terminal.

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/grammar_options.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/memory_report.h"
#include "cli/sampling_options.h"
#include "cli/speculate_option.h"
#include "tidemill/error.h"
#include "tidemill/prompt_cache.h"
#include "tidemill/system.h"

namespace tidemill::cli {
namespace {

using nlohmann::json;

constexpr Option kOptions[] = {
    kModelOption,
    {.flag = "--prompt",
     .kind = OptionKind::text,
     .value_name = "TEXT",
     .help = "the text to continue; -: standard input"},
    {.flag = "-n",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "at most N tokens; -1: until the model ends the text or the context is full",
     .fallback = "-1",
     .min = -1,
     .max = 1 << 30},
    kTemperatureOption,
    kTopKOption,
    kTopPOption,
    kMinPOption,
    kRepeatPenaltyOption,
    kRepeatLastNOption,
    kFrequencyPenaltyOption,
    kPresencePenaltyOption,
    kLogitBiasOption,
    kSeedOption,
    {.flag = "--stop",
     .kind = OptionKind::texts,
     .value_name = "S",
     .help = "end before this text; may be given again"},
    kGrammarOption,
    kJsonSchemaOption,
    kJsonObjectOption,
    {.flag = "--ignore-eos", .help = "go on after the model ends the text"},
    kSpeculateOption,
    kDraftOption,
    {.flag = "--prompt-cache",
     .kind = OptionKind::text,
     .value_name = "PATH",
     .help = "keep what reading the prompt gave in this file, or folder (DIR/), for prompts that begin alike"},
    {.flag = "--prompt-cache-bytes",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "of a folder: keep so much, what was used lately first",
     .fallback = "1073741824",
     .min = 1,
     .max = 9007199254740992.0},
    {.flag = "--memory", .help = "print the memory that is planned, and after the text what was used"},
    kThreadsOption,
    kContextOption,
    kPrecisionOption,
    kStateOption,
    kBackendOption,
    kCheckOption,
    kJsonOption,
};

// Token ids and their timings as --json prints them.
json to_json(const Result& result) {
  return {{"text", result.text},
          {"ids", result.ids},
          {"finish_reason", to_string(result.finish_reason)},
          {"usage",
           {{"prompt_tokens", result.usage.prompt_tokens},
            {"cached_tokens", result.usage.cached_tokens},
            {"completion_tokens", result.usage.completion_tokens},
            {"total_tokens", result.usage.prompt_tokens + result.usage.completion_tokens},
            {"draft_tokens", result.usage.draft_tokens},
            {"accepted_tokens", result.usage.accepted_tokens}}},
          {"timings",
           {{"load_ms", result.timings.load_ms},
            {"ttft_ms", result.timings.ttft_ms},
            {"prefill_tok_s", result.timings.prefill_tok_s},
            {"decode_tok_s", result.timings.decode_tok_s}}},
          {"peak_rss_bytes", peak_rss_bytes()}};
}

bool write_piece(const Event& event) {
  std::fwrite(event.text.data(), 1, event.text.size(), stdout);
  return std::fflush(stdout) == 0;
}

void print_summary(const Result& result) {
  std::fprintf(
      stderr,
      "\n%lld prompt tokens at %.1f tokens/s, %lld new tokens at %.1f tokens/s; first after %.0f ms, loaded in "
      "%.0f ms, peak memory %.0f MB\n",
      static_cast<long long>(result.usage.prompt_tokens), result.timings.prefill_tok_s,
      static_cast<long long>(result.usage.completion_tokens), result.timings.decode_tok_s, result.timings.ttft_ms,
      result.timings.load_ms, static_cast<double>(peak_rss_bytes()) / 1e6);
  if (result.usage.draft_tokens > 0)
    std::fprintf(stderr, "%lld tokens were guessed ahead, %lld of them right\n",
                 static_cast<long long>(result.usage.draft_tokens),
                 static_cast<long long>(result.usage.accepted_tokens));
  if (result.finish_reason == FinishReason::context_full)
    std::fputs("the context is full: raise --ctx to go on\n", stderr);
}

// One line of the user at a time; the text so far stays in the session, so only new tokens are computed.
int converse(Session& session, Request request) {
  std::fputs("Type a text and press return; the model continues it.  Ctrl-D ends.\n", stderr);
  std::string line;
  while (std::fputs("> ", stderr), std::getline(std::cin, line)) {
    request.prompt += line;
    const Result result = session.generate(request, write_piece);
    print_summary(result);
    if (interrupted()) return exit_status(ErrorCode::cancelled);
    request.prompt += result.text + "\n";
  }
  return 0;
}

void print_note(const std::string& note) {
  std::fprintf(stderr, "note: %s\n", printable(note).c_str());
}

// With --prompt-cache, by what it has of the prompt, and keeps what it lacks.
Result generate(Session& session, const Engine& engine, Request request, const Arguments& arguments,
                const EventSink& sink) {
  if (!arguments.has("--prompt-cache")) return session.generate(request, sink);
  request.prompt_ids = engine.tokenizer().encode(request.prompt);
  PromptCache cache(engine, {.path = arguments.text("--prompt-cache"),
                             .max_bytes = arguments.integer("--prompt-cache-bytes"),
                             .on_note = print_note});
  cache.load(session, request.prompt_ids);
  const Result result = session.generate(request, sink);
  cache.store(session, request.prompt_ids);
  return result;
}

int run(const Arguments& arguments) {
  Request request{.max_tokens = arguments.integer("-n"),
                  .sampling = sampling_options(arguments),
                  .stop = arguments.texts("--stop"),
                  .ignore_eos = arguments.flag("--ignore-eos"),
                  .speculate = speculate(arguments),
                  .cancelled = interrupted};
  const bool has_prompt = arguments.has("--prompt") || isatty(STDIN_FILENO) == 0;
  if (has_prompt) {
    const std::string prompt = arguments.text("--prompt");
    request.prompt = !arguments.has("--prompt") || prompt == "-" ? read_all("-") : prompt;
  }
  if (!has_prompt && arguments.has("--prompt-cache"))
    throw Error(ErrorCode::invalid_argument, "--prompt-cache: is for a prompt; give one (--prompt)");
  const std::optional<GrammarSource> grammar = grammar_source(arguments);
  catch_interrupts();
  if (arguments.flag("--memory")) print_memory_plan(arguments.model(), arguments.integer("--ctx"));
  const Engine engine = load_engine(arguments, {.draft = arguments.text("--draft")});
  if (grammar) request.grammar = engine.compile(*grammar);
  Session session(engine);
  if (!has_prompt) return converse(session, request);
  const bool as_json = arguments.flag("--json");
  const Result result = generate(session, engine, request, arguments, as_json ? EventSink() : write_piece);
  if (as_json) {
    std::cout << to_json(result).dump() << std::endl;
  } else {
    std::fputc('\n', stdout);
    print_summary(result);
  }
  if (arguments.flag("--memory")) print_memory_use(engine, session);
  return result.finish_reason == FinishReason::cancelled ? exit_status(ErrorCode::cancelled) : 0;
}

}  // namespace

const Command kRun = {.name = "run",
                      .summary = "Continue a text with a model",
                      .usage = "MODEL [--prompt TEXT | -] [options]",
                      .examples =
                          "  tidemill run gemma3-270m --prompt \"The tide mill stood\" -n 100\n"
                          "  tidemill run model.gguf --prompt - --temperature 0 < story.txt\n"
                          "  tidemill run gemma3-270m --prompt \"1, 2, 3,\" --stop \"10\" --json\n"
                          "  tidemill run gemma3-270m --prompt \"A mill as JSON:\" --json-schema mill.json\n"
                          "  tidemill run gemma3-270m                       # asks for text on a terminal\n",
                      .options = kOptions,
                      .max_positionals = 1,
                      .run = run};

}  // namespace tidemill::cli
