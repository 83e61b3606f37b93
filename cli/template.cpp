// tidemill template: conversations to the prompts that a model was tuned on.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/input.h"
#include "tidemill/chat_template.h"
#include "tidemill/error.h"
#include "tidemill/model_store.h"

namespace tidemill::cli {
namespace {

using nlohmann::json;

constexpr Option kOptions[] = {
    kModelOption,
    {.flag = "--template",
     .kind = OptionKind::text,
     .value_name = "FILE",
     .help = "a template by itself: .jinja, or JSON with \"chat_template\""},
    {.flag = "--stdin-jsonl",
     .help = "answer lines {\"messages\":[...], ...} of standard input with lines {\"text\":...} or {\"error\":...}"},
};

std::string path_of(const Arguments& arguments) {
  const bool has_model = arguments.has("--model") || !arguments.positionals().empty();
  if (has_model && arguments.has("--template"))
    throw Error(ErrorCode::invalid_argument, "--template: given beside a model; give one of the two");
  return arguments.has("--template") ? arguments.text("--template") : resolve_model(arguments.model());
}

// A line's keys are the template's variables; "now" is also the time that strftime_now takes.
json answer(const ChatTemplate& chat_template, const json& line, const std::string& written) {
  const auto now = line.find("now");
  try {
    const std::string time = now != line.end() && now->is_string() ? now->get<std::string>() : "";
    return {{"text", chat_template.render(written, {.now = time})}};
  } catch (const Error& error) {
    return {{"error", printable(error.what())}};
  }
}

int run(const Arguments& arguments) {
  const ChatTemplate chat_template = ChatTemplate::from_file(path_of(arguments));
  if (arguments.flag("--stdin-jsonl")) {
    answer_written_json_lines(
        [&](const json& line, const std::string& written) { return answer(chat_template, line, written); });
  } else {
    std::fwrite(chat_template.source().data(), 1, chat_template.source().size(), stdout);
  }
  return 0;
}

}  // namespace

const Command kTemplate = {
    .name = "template",
    .summary = "Turn conversations into prompts by a model's chat template",
    .usage = "(MODEL | --template FILE) [--stdin-jsonl]",
    .examples =
        "  tidemill template model.gguf                   # prints the template\n"
        "  echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],\"add_generation_prompt\":true}' |\n"
        "    tidemill template model.gguf --stdin-jsonl\n"
        "  tidemill template --template chat.jinja --stdin-jsonl < conversations.jsonl\n",
    .options = kOptions,
    .max_positionals = 1,
    .run = run,
};

}  // namespace tidemill::cli
