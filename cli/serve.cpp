// tidemill serve: models behind OpenAI's protocol.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "serve/server.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

constexpr Option integer_option(std::string_view flag, std::string_view help, std::string_view fallback, double min,
                                double max) {
  return {.flag = flag,
          .kind = OptionKind::integer,
          .value_name = "N",
          .help = help,
          .fallback = fallback,
          .min = min,
          .max = max};
}

constexpr Option kOptions[] = {
    {.flag = "--model",
     .kind = OptionKind::texts,
     .value_name = "[NAME=]MODEL",
     .help = "a model to serve, by the name that clients ask for; may be given again"},
    {.flag = "--host",
     .kind = OptionKind::text,
     .value_name = "H",
     .help = "address to listen on",
     .fallback = "127.0.0.1"},
    integer_option("--port", "port to listen on; 0: one that is free", "8080", 0, 65535),
    integer_option("--max-running", "texts that are written at once", "16", 1, 64),
    integer_option("--max-queued", "requests that may wait; more get status 503", "64", 1, 100000),
    integer_option("--max-kept", "ended texts that are kept for prompts that begin alike", "16", 0, 1000),
    {.flag = "--api-key-file",
     .kind = OptionKind::text,
     .value_name = "FILE",
     .help = "lines NAME:KEY; clients must send one of the keys (one alone: TIDEMILL_API_KEY)"},
    {.flag = "--public", .help = "listen beyond this machine without a key"},
    {.flag = "--allow-host",
     .kind = OptionKind::texts,
     .value_name = "H",
     .help = "a name that requests may have in Host"},
    {.flag = "--allow-origin",
     .kind = OptionKind::texts,
     .value_name = "O",
     .help = "a web origin whose pages may ask, such as https://example.org"},
    integer_option("--drain-seconds", "how long running texts may take after SIGTERM", "30", 0, 3600),
    {.flag = "--check", .help = "say whether these options could be served, and end"},
    kThreadsOption,
    {.flag = "--ctx",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "positions that each text has; 0: 4096, or as many as the model takes",
     .fallback = "0",
     .min = 0,
     .max = 1 << 30},
    kPrecisionOption,
    kStateOption,
};

serve::ServerOptions::Model model_of(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals != std::string::npos && !std::filesystem::exists(text))
    return {.name = text.substr(0, equals), .path = text.substr(equals + 1)};
  const std::filesystem::path path = text;
  const std::string name = path.has_filename() ? path.stem().string() : path.parent_path().filename().string();
  return {.name = name, .path = text};
}

serve::ServerOptions server_options(const Arguments& arguments) {
  serve::ServerOptions options;
  for (const std::string& model : arguments.positionals()) options.models.push_back(model_of(model));
  for (const std::string& model : arguments.texts("--model")) options.models.push_back(model_of(model));
  if (options.models.empty())
    throw Error(ErrorCode::invalid_argument, "serve: no model; give one, as in: tidemill serve gemma3-270m");
  options.engine = engine_options(arguments);
  options.service = {.max_running = arguments.integer("--max-running"),
                     .max_queued = arguments.integer("--max-queued"),
                     .max_kept = arguments.integer("--max-kept")};
  options.host = arguments.text("--host");
  options.port = static_cast<uint16_t>(arguments.integer("--port"));
  options.allowed_hosts = arguments.texts("--allow-host");
  options.allowed_origins = arguments.texts("--allow-origin");
  options.api_key_file = arguments.text("--api-key-file");
  if (const char* key = std::getenv("TIDEMILL_API_KEY")) options.api_key = key;
  options.may_be_public = arguments.flag("--public");
  options.drain_seconds = arguments.integer("--drain-seconds");
  options.on_line = [](const std::string& line) { std::fprintf(stderr, "%s\n", printable(line).c_str()); };
  return options;
}

int run(const Arguments& arguments) {
  const serve::ServerOptions options = server_options(arguments);
  if (arguments.flag("--check")) {
    serve::check(options);
    return std::puts("these options can be served") < 0;
  }
  serve::serve(options);
  return 0;
}

}  // namespace

const Command kServe = {.name = "serve",
                        .summary = "Serve models over OpenAI's protocol",
                        .usage = "MODEL [options]",
                        .examples =
                            "  tidemill serve gemma3-270m\n"
                            "  tidemill serve --model small=gemma3-270m --model big=llama.gguf --port 8000\n"
                            "  tidemill serve model.gguf --host 0.0.0.0 --api-key-file keys.txt\n"
                            "  curl http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\\n"
                            "    -d '{\"prompt\": \"The tide mill stood\", \"max_tokens\": 32}'\n",
                        .options = kOptions,
                        .max_positionals = 1,
                        .run = run};

}  // namespace tidemill::cli
