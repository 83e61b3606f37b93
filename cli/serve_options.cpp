// The options of tidemill serve: what flags, environment and configuration files may say.
#include "cli/serve_options.h"

#include <cstdio>
#include <filesystem>
#include <string>

#include "cli/config_file.h"
#include "cli/engine_options.h"
#include "cli/speculate_option.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

constexpr size_t kMostLineBytes = 4000;  // of the log

constexpr Option integer_option(std::string_view flag, std::string_view config, std::string_view help,
                                std::string_view fallback, double min, double max) {
  return {.flag = flag,
          .kind = OptionKind::integer,
          .value_name = "N",
          .help = help,
          .fallback = fallback,
          .min = min,
          .max = max,
          .config = config};
}

constexpr Option text_option(std::string_view flag, std::string_view config, std::string_view value_name,
                             std::string_view help, std::string_view fallback = {}) {
  return {.flag = flag,
          .kind = OptionKind::text,
          .value_name = value_name,
          .help = help,
          .fallback = fallback,
          .config = config};
}

constexpr Option texts_option(std::string_view flag, std::string_view config, std::string_view value_name,
                              std::string_view help) {
  return {.flag = flag, .kind = OptionKind::texts, .value_name = value_name, .help = help, .config = config};
}

constexpr Option flag_option(std::string_view flag, std::string_view config, std::string_view help) {
  return {.flag = flag, .help = help, .config = config};
}

constexpr Option with_key(Option option, std::string_view config) {
  option.config = config;
  return option;
}

constexpr Option secret(Option option) {
  option.is_secret = true;
  return option;
}

constexpr Option kOptions[] = {
    texts_option("--model", "model.path", "[NAME=]MODEL",
                 "a model to serve, by the name that clients ask for; may be given again"),
    texts_option("--delta", "model.delta", "[NAME=]DELTA",
                 "a fine-tune of the first model, as `delta make` writes it, to serve over its weights; may be given "
                 "again"),
    integer_option(
        "--delta-memory-mib", "model.delta_memory_mib",
        "MiB of fine-tunes' weights that are kept decoded; -1: a quarter of what memory is free, at least as many "
        "as the model's own take",
        "-1", -1, 1 << 24),
    text_option("--format", "model.format", "F", "what the models must be: gguf, safetensors or tmill; auto: any",
                "auto"),
    text_option("--host", "server.host", "H", "address to listen on", "127.0.0.1"),
    integer_option("--port", "server.port", "port to listen on; 0: one that is free", "8080", 0, 65535),
    integer_option("--timeout-seconds", "server.timeout_seconds",
                   "how long a client may take to send a body, or to read what it is sent", "30", 1, 86400),
    integer_option("--max-connections", "server.max_connections", "connections at once; more get status 503", "1000", 1,
                   1000000),
    integer_option("--max-body-mib", "server.max_body_mib", "greatest body of a request; larger ones get status 413",
                   "8", 1, 1024),
    integer_option("--drain-seconds", "server.drain_seconds", "how long running texts may take after SIGTERM", "30", 0,
                   3600),
    text_option("--log-format", "server.log_format", "F", "text, or json: one object a line", "text"),
    {.flag = "--log-requests",
     .kind = OptionKind::integer,
     .value_name = "0|1",
     .help = "1: a line for each request, with its number, status and client",
     .fallback = "1",
     .min = 0,
     .max = 1,
     .config = "server.log_requests"},
    integer_option("--max-running", "inference.max_batch_size", "texts that are written at once", "16", 1, 64),
    integer_option("--max-queued", "inference.max_queued", "requests that may wait; more get status 503", "64", 1,
                   100000),
    integer_option("--prefix-cache-mib", "inference.prefix_cache_mib",
                   "MiB of states that are kept for prompts that begin as earlier texts did", "512", 0, 1 << 20),
    integer_option("--ctx", "inference.max_sequence_length",
                   "positions that each text has; 0: 4096, or as many as the model takes", "0", 0, 1 << 30),
    with_key(kThreadsOption, "inference.threads"),
    with_key(kPrecisionOption, "inference.precision"),
    with_key(kStateOption, "inference.state"),
    with_key(kSpeculateOption, "inference.speculate"),
    with_key(kHeadOption, "inference.head"),
    secret(texts_option("--api-key", "security.api_keys", "[NAME:]KEY",
                        "a key that clients may send; others see arguments, so better a file or TIDEMILL_API_KEY")),
    text_option("--api-key-file", "security.api_key_file", "FILE",
                "lines NAME:KEY or NAME:KEY SCOPE,SCOPE; clients must send one of the keys"),
    text_option("--jwt-key-file", "security.jwt_key_file", "FILE",
                "JSON Web Tokens count as keys: a public key in PEM, or a file with the secret of HS256"),
    text_option("--jwt-jwks-file", "security.jwt_jwks_file", "FILE", "the same, as a JSON Web Key Set"),
    texts_option("--jwt-algorithm", "security.jwt_algorithms", "A",
                 "HS256, RS256, ES256 or EdDSA; none: those that the keys are for"),
    text_option("--jwt-issuer", "security.jwt_issuer", "I", "what 'iss' of tokens must be"),
    text_option("--jwt-audience", "security.jwt_audience", "A", "what 'aud' of tokens must name"),
    text_option("--tls-cert-file", "security.tls_cert_file", "FILE",
                "speak HTTPS with this certificate and its chain, in PEM"),
    text_option("--tls-key-file", "security.tls_key_file", "FILE", "its private key, in PEM"),
    text_option("--tls-min-version", "security.tls_min_version", "V", "1.2 or 1.3", "1.2"),
    flag_option("--public", "security.public", "listen beyond this machine without a key"),
    texts_option("--allow-host", "security.allow_host", "H", "a name that requests may have in Host"),
    texts_option("--allow-origin", "security.allow_origin", "O",
                 "a web origin whose pages may ask, such as https://example.org"),
    flag_option("--rate-limit-enabled", "security.rate_limit_enabled",
                "limit what each client asks for; also on where a limit is given, and 60 requests where none is"),
    integer_option("--max-requests-per-minute", "security.max_requests_per_minute",
                   "requests of one client; more get status 429; 0: no limit", "0", 0, 1000000000),
    integer_option("--max-tokens-per-minute", "security.max_tokens_per_minute",
                   "tokens of one client, read and written; 0: no limit", "0", 0, 1000000000000),
    secret(text_option("--rate-limit-redis", "security.rate_limit_redis", "URL",
                       "redis://[:PASSWORD@]HOST[:PORT][/DATABASE] where several servers count together")),
    {.flag = "--config",
     .kind = OptionKind::text,
     .value_name = "FILE",
     .help = "a server_config.toml with any of these options; flags and environment win"},
    {.flag = "--check", .help = "say whether these options could be served, and end"},
    {.flag = "--print-config", .help = "print a server_config.toml that says what these options say, and end"},
};

serve::ServerOptions::Model model_of(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals != std::string::npos && !std::filesystem::exists(text))
    return {.name = text.substr(0, equals), .path = text.substr(equals + 1)};
  const std::filesystem::path path = text;
  const std::string name = path.has_filename() ? path.stem().string() : path.parent_path().filename().string();
  return {.name = name, .path = text};
}

}  // namespace

std::span<const Option> serve_options() {
  return kOptions;
}

Arguments with_config_file(Arguments arguments) {
  const std::string path = arguments.text("--config");
  if (path.empty()) return arguments;
  auto values = read_config(path, kOptions);
  if (!arguments.positionals().empty()) values.erase("--model");
  arguments.take_defaults(values);
  return arguments;
}

namespace {

serve::RateLimits rate_limits(const Arguments& arguments) {
  serve::RateLimits limits = {.requests_per_minute = arguments.integer("--max-requests-per-minute"),
                              .tokens_per_minute = arguments.integer("--max-tokens-per-minute")};
  if (!arguments.has("--rate-limit-enabled")) return limits;
  if (!arguments.flag("--rate-limit-enabled")) return {};
  if (limits.requests_per_minute == 0 && limits.tokens_per_minute == 0) limits.requests_per_minute = 60;
  return limits;
}

}  // namespace

serve::ServerOptions server_options(const Arguments& arguments) {
  serve::ServerOptions options;
  for (const std::string& model : arguments.positionals()) options.models.push_back(model_of(model));
  for (const std::string& model : arguments.texts("--model")) options.models.push_back(model_of(model));
  if (options.models.empty())
    throw Error(ErrorCode::invalid_argument, "serve: no model; give one, as in: tidemill serve gemma3-270m");
  for (const std::string& delta : arguments.texts("--delta")) options.deltas.push_back(model_of(delta));
  options.format = arguments.text("--format");
  options.engine = engine_options(arguments);
  options.engine.head = arguments.text("--head");
  if (const int64_t mib = arguments.integer("--delta-memory-mib"); mib >= 0) options.engine.max_delta_bytes = mib << 20;
  options.service = {.max_running = arguments.integer("--max-running"),
                     .max_queued = arguments.integer("--max-queued"),
                     .max_kept_bytes = arguments.integer("--prefix-cache-mib") << 20,
                     .speculate = speculate(arguments)};
  options.host = arguments.text("--host");
  options.port = static_cast<uint16_t>(arguments.integer("--port"));
  options.limits = {.client_seconds = arguments.integer("--timeout-seconds"),
                    .max_connections = arguments.integer("--max-connections"),
                    .max_body_bytes = arguments.integer("--max-body-mib") << 20};
  options.allowed_hosts = arguments.texts("--allow-host");
  options.allowed_origins = arguments.texts("--allow-origin");
  options.api_keys = arguments.texts("--api-key");
  options.api_key_file = arguments.text("--api-key-file");
  options.rate_limits = rate_limits(arguments);
  options.rate_limit_redis = arguments.text("--rate-limit-redis");
  options.jwt = {.key_file = arguments.text("--jwt-key-file"),
                 .jwks_file = arguments.text("--jwt-jwks-file"),
                 .algorithms = arguments.texts("--jwt-algorithm"),
                 .issuer = arguments.text("--jwt-issuer"),
                 .audience = arguments.text("--jwt-audience")};
  const std::string tls_version = arguments.text("--tls-min-version");
  if (tls_version != "1.2" && tls_version != "1.3")
    throw Error(ErrorCode::invalid_argument, "--tls-min-version: '" + tls_version + "' is neither '1.2' nor '1.3'");
  options.tls = {.certificate_file = arguments.text("--tls-cert-file"),
                 .key_file = arguments.text("--tls-key-file"),
                 .only_1_3 = tls_version == "1.3"};
  options.may_be_public = arguments.flag("--public");
  options.drain_seconds = arguments.integer("--drain-seconds");
  const std::string log_format = arguments.text("--log-format");
  if (log_format != "text" && log_format != "json")
    throw Error(ErrorCode::invalid_argument, "--log-format: '" + log_format + "' is neither 'text' nor 'json'");
  options.log_format = log_format == "json" ? serve::LogFormat::json : serve::LogFormat::text;
  options.logs_requests = arguments.integer("--log-requests") == 1;
  options.on_line = [](const std::string& line) {
    std::fprintf(stderr, "%s\n", printable(line, kMostLineBytes).c_str());
  };
  return options;
}

}  // namespace tidemill::cli
