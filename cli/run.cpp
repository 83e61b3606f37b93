// tidemill run: continues a text, or talks on a terminal.

#include <cstdio>
#include <iostream>
#include <string>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/grammar_options.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/memory_report.h"
#include "cli/result_report.h"
#include "cli/sampling_options.h"
#include "cli/speculate_option.h"
#include "cli/text_request.h"
#include "tidemill/error.h"
#include "tidemill/prompt_cache.h"

namespace tidemill::cli {
namespace {

constexpr auto kOptions = option_table(
    kModelOption,
    Option{.flag = "--prompt",
           .kind = OptionKind::text,
           .value_name = "TEXT",
           .help = "the text to continue; -: standard input"},
    kTextOptions, Option{.flag = "--ignore-eos", .help = "go on after the model ends the text"},
    Option{.flag = "--prompt-cache",
           .kind = OptionKind::text,
           .value_name = "PATH",
           .help = "keep what reading the prompt gave in this file, or folder (DIR/), for prompts that begin alike"},
    Option{.flag = "--prompt-cache-bytes",
           .kind = OptionKind::integer,
           .value_name = "N",
           .help = "of a folder: keep so much, what was used lately first",
           .fallback = "1073741824",
           .min = 1,
           .max = 9007199254740992.0},
    Option{.flag = "--memory", .help = "print the memory that is planned, and after the text what was used"},
    kContextOption, kDeltaOption, kComputeOptions, kJsonOption);

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
  Request request = text_request(arguments);
  request.ignore_eos = arguments.flag("--ignore-eos");
  const std::optional<std::string> prompt = given_prompt(arguments);
  request.prompt = prompt.value_or("");
  if (!prompt && arguments.has("--prompt-cache"))
    throw Error(ErrorCode::invalid_argument, "--prompt-cache: is for a prompt; give one (--prompt)");
  const std::optional<GrammarSource> grammar = grammar_source(arguments);
  catch_interrupts();
  if (arguments.flag("--memory")) print_memory_plan(arguments.model(), arguments.integer("--ctx"));
  const Engine engine = load_engine(arguments, {.draft = arguments.text("--draft"), .head = arguments.text("--head")});
  if (grammar) request.grammar = engine.compile(*grammar);
  Session session(engine);
  if (!prompt) return converse(session, request);
  const bool as_json = arguments.flag("--json");
  const Result result = generate(session, engine, request, arguments, as_json ? EventSink() : write_piece);
  print_result(result, as_json);
  if (arguments.flag("--memory")) print_memory_use(engine, result.usage);
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
