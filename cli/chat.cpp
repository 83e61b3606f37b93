// tidemill chat: a conversation with a model, by its chat template.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/grammar_options.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/result_report.h"
#include "cli/sampling_options.h"
#include "cli/speculate_option.h"
#include "cli/text_request.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

using nlohmann::ordered_json;

constexpr auto kOptions = option_table(
    kModelOption,
    Option{.flag = "--prompt",
           .kind = OptionKind::text,
           .value_name = "TEXT",
           .help = "the only message; -: standard input.  Without it a terminal is asked for one after the other"},
    Option{.flag = "--system", .kind = OptionKind::text, .value_name = "TEXT", .help = "how the model shall behave"},
    kTextOptions, kContextOption, kDeltaOption, kComputeOptions, kJsonOption);

ChatTemplate template_of(const Engine& engine) {
  std::optional<ChatTemplate> found = engine.chat_template();
  if (!found)
    throw Error(ErrorCode::bad_file,
                engine.path() + ": has no chat template; use `tidemill run`, or a model that was tuned to chat");
  return *std::move(found);
}

// The session keeps what has been said, so only a new message is computed.
class Conversation {
 public:
  Conversation(const Engine& engine, Request request, const std::string& system)
      : engine_(engine), template_(template_of(engine)), request_(std::move(request)), session_(engine) {
    if (!system.empty()) messages_.push_back({{"role", "system"}, {"content", system}});
  }

  Result say(const std::string& text, const EventSink& sink) {
    messages_.push_back({{"role", "user"}, {"content", text}});
    const ordered_json variables = {{"messages", messages_}, {"add_generation_prompt", true}};
    const std::string prompt = template_.render(variables.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    // The template writes the special tokens that the model wants.
    request_.prompt_ids =
        engine_.tokenizer().encode(prompt, {.add_special_tokens = false, .special_text = SpecialText::parse});
    Result result = session_.generate(request_, sink);
    messages_.push_back({{"role", "assistant"}, {"content", result.text}});
    return result;
  }

 private:
  Engine engine_;
  ChatTemplate template_;
  Request request_;
  Session session_;
  ordered_json messages_ = ordered_json::array();
};

int converse(Conversation& conversation) {
  std::fputs("Type a message and press return.  Ctrl-D ends.\n", stderr);
  std::string line;
  while (std::fputs("> ", stderr), std::getline(std::cin, line)) {
    if (line.empty()) continue;
    print_summary(conversation.say(line, write_piece));
    if (interrupted()) return exit_status(ErrorCode::cancelled);
  }
  return 0;
}

int chat(const Arguments& arguments) {
  Request request = text_request(arguments);
  const std::optional<std::string> prompt = given_prompt(arguments);
  const std::optional<GrammarSource> grammar = grammar_source(arguments);
  catch_interrupts();
  const Engine engine = load_engine(arguments, {.draft = arguments.text("--draft"), .head = arguments.text("--head")});
  if (grammar) request.grammar = engine.compile(*grammar);
  Conversation conversation(engine, std::move(request), arguments.text("--system"));
  if (!prompt) return converse(conversation);
  const bool as_json = arguments.flag("--json");
  const Result result = conversation.say(*prompt, as_json ? EventSink() : write_piece);
  print_result(result, as_json);
  return result.finish_reason == FinishReason::cancelled ? exit_status(ErrorCode::cancelled) : 0;
}

}  // namespace

const Command kChat = {.name = "chat",
                       .summary = "Talk with a model",
                       .usage = "MODEL [--prompt TEXT | -] [options]",
                       .examples =
                           "  tidemill chat gemma3-270m                      # asks for messages on a terminal\n"
                           "  tidemill chat model.gguf --prompt \"What is a tide mill?\" --system \"Be brief.\"\n"
                           "  tidemill chat model.gguf --prompt \"Three mills as JSON\" --json-object\n",
                       .options = kOptions,
                       .max_positionals = 1,
                       .run = chat};

}  // namespace tidemill::cli
