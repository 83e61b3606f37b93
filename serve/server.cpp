#include "serve/server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

#include "serve/connection.h"
#include "serve/into.h"
#include "serve/redis_buckets.h"
#include "serve/tls.h"
#include "tidemill/model_info.h"
#include "tidemill/stopwatch.h"

namespace tidemill::serve {
namespace {

namespace net = boost::asio;
using net::ip::tcp;
using namespace std::chrono_literals;

constexpr int kInterruptedStatus = 130;
constexpr std::string_view kFormats[] = {"auto", "gguf", "safetensors", "tmill"};

net::ip::address address_of(const std::string& host) {
  boost::system::error_code error;
  const auto address = net::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error)
    throw Error(ErrorCode::invalid_argument, "--host: '" + host + "' is not an address; give one such as 127.0.0.1");
  return address;
}

void add_keys(const ServerOptions& options, Access& access) {
  for (const std::string& key : options.api_keys) access.add_key(key, "--api-key");
  if (!options.api_key_file.empty()) access.add_keys_of(options.api_key_file);
  if (!options.jwt.key_file.empty() || !options.jwt.jwks_file.empty())
    access.set_jwt(std::make_unique<JwtVerifier>(options.jwt));
}

class Server {
 public:
  explicit Server(const ServerOptions& options)
      : options_(options), log_(options.log_format, options.logs_requests, options.on_line) {
    prepare_access();
    prepare_limits();
  }

  void run() {
    listen();  // before the models are loaded, which takes longer than to say that the port is taken
    app_.is_loading = true;
    await_signal();
    net::co_spawn(context_, accept(), net::detached);
    std::thread sockets([this] { context_.run(); });
    try {
      load_models();
    } catch (...) {
      context_.stop();
      sockets.join();
      throw;
    }
    app_.is_loading = false;
    const tcp::endpoint here = acceptor_->local_endpoint();
    const std::string host =
        here.address().is_v6() ? "[" + here.address().to_string() + "]" : here.address().to_string();
    log_.say("listening on http" + std::string(tls_ ? "s" : "") + "://" + host + ":" + std::to_string(here.port()));
    sockets.join();
    connections_.workers.stop();
    connections_.workers.join();
  }

 private:
  void load_models() {
    app_.models.set_observer(
        [this](const std::string& model, const std::string& client, const Result& result, double seconds) {
          app_.metrics.count_text(model, result, seconds);
          const Usage& usage = result.usage;
          if (app_.rate_limiter) app_.rate_limiter->take_tokens(client, usage.prompt_tokens + usage.completion_tokens);
        });
    app_.engine_options = options_.engine;
    app_.service_options = options_.service;
    for (const auto& model : options_.models) {
      check_format(model.path);
      app_.models.add(model.name, model.path, options_.engine, options_.service);
      log_.say("serving '" + model.name + "'");
    }
    for (const auto& [name, path] : options_.deltas) {
      const std::string& base = options_.models.front().name;
      const auto why = app_.models.add_delta(name, base, path, options_.engine, options_.service);
      log_.say("serving '" + name + "'" +
               (why ? " as a model of its own: " + *why : ", a fine-tune of '" + base + "'"));
    }
  }

  // Throws unsupported for a model that is not of the format that was asked for.
  void check_format(const std::string& path) const {
    if (options_.format == "auto") return;
    const std::string format = inspect_model(path).format;
    if (!format.starts_with(options_.format))
      throw Error(ErrorCode::unsupported, path + ": is " + format + ", not " + options_.format + " as --format says");
  }

  void prepare_access() {
    add_keys(options_, app_.access);
    for (const std::string& host : options_.allowed_hosts) app_.access.allow_host(host);
    for (const std::string& origin : options_.allowed_origins) app_.access.allow_origin(origin);
    // Who reaches it by another machine's name for it is not led here by a web page.
    if (!address_of(options_.host).is_loopback()) app_.access.allow_host("*");
  }

  void prepare_limits() {
    const RateLimits& limits = options_.rate_limits;
    if (limits.requests_per_minute == 0 && limits.tokens_per_minute == 0) return;
    std::unique_ptr<Buckets> buckets;
    if (options_.rate_limit_redis.empty())
      buckets = std::make_unique<MemoryBuckets>(limits, [since = Stopwatch()] { return since.seconds(); });
    else
      buckets = std::make_unique<RedisBuckets>(limits, parse_redis_address(options_.rate_limit_redis), log_);
    app_.rate_limiter = std::make_unique<RateLimiter>(limits, std::move(buckets));
  }

  void listen() {
    const tcp::endpoint endpoint(address_of(options_.host), options_.port);
    try {
      acceptor_.emplace(context_, endpoint);
    } catch (const boost::system::system_error& error) {
      throw Error(ErrorCode::io, options_.host + ":" + std::to_string(options_.port) + ": cannot be listened on (" +
                                     error.code().message() + "); give another --port");
    }
  }

  net::awaitable<void> accept() {
    while (acceptor_->is_open()) {
      boost::system::error_code error;
      tcp::socket socket = co_await acceptor_->async_accept(into(error));
      if (error == net::error::operation_aborted) co_return;
      if (error) {  // such as too many open files: others may end meanwhile
        net::steady_timer pause(context_, 50ms);
        co_await pause.async_wait(into(error));
        continue;
      }
      if (app_.n_connections >= options_.limits.max_connections) {
        if (!tls_) turn_away(socket);
        continue;
      }
      net::co_spawn(context_, serve_connection(std::move(socket), connections_), net::detached);
    }
  }

  // A fresh socket takes so few bytes at once; who does not read them finds the connection closed.
  static void turn_away(tcp::socket& socket) {
    static constexpr std::string_view kAnswer =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
    boost::system::error_code ignored;
    socket.write_some(net::buffer(kAnswer), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void await_signal() {
    signals_.async_wait([this](boost::system::error_code error, int) {
      if (error) return;
      if (app_.is_loading) std::_Exit(0);  // nobody has been answered anything yet
      log_.say("stopping: what runs may take " + std::to_string(options_.drain_seconds) + " s more");
      app_.is_draining = true;
      signals_.async_wait([](boost::system::error_code again, int) {
        if (!again) std::_Exit(kInterruptedStatus);
      });
      net::co_spawn(context_, drain(), net::detached);
    });
  }

  // /ready must be seen to fail while streams end, so the door stays open until they have.
  net::awaitable<void> drain() {
    for (const auto& [who, told] : connections_.at_drain) told();
    net::steady_timer timer(context_);
    const auto deadline = net::steady_timer::clock_type::now() + std::chrono::seconds(options_.drain_seconds);
    while (connections_.n_answering > 0 && net::steady_timer::clock_type::now() < deadline) {
      timer.expires_after(20ms);
      boost::system::error_code ignored;
      co_await timer.async_wait(into(ignored));
    }
    context_.stop();
  }

  const ServerOptions& options_;
  net::io_context context_{1};  // outlives the models, whose services may still tell connections of ends
  Log log_;
  std::optional<net::ssl::context> tls_ = make_tls(options_.tls);
  App app_;
  Connections connections_{.app = app_, .limits = options_.limits, .log = log_, .tls = tls_ ? &*tls_ : nullptr};
  std::optional<tcp::acceptor> acceptor_;
  net::signal_set signals_{context_, SIGTERM, SIGINT};
};

}  // namespace

void check(const ServerOptions& options) {
  make_tls(options.tls);
  Access access;
  add_keys(options, access);
  for (const std::string& origin : options.allowed_origins) access.allow_origin(origin);
  if (!address_of(options.host).is_loopback() && !access.has_authentication() && !options.may_be_public)
    throw Error(
        ErrorCode::invalid_argument,
        "--host: '" + options.host + "' is reachable by others; give --api-key-file, or --public to serve anybody");
  if (!options.rate_limit_redis.empty()) parse_redis_address(options.rate_limit_redis);
  if (std::find(std::begin(kFormats), std::end(kFormats), options.format) == std::end(kFormats))
    throw Error(ErrorCode::invalid_argument,
                "--format: '" + options.format + "' is none of auto, gguf, safetensors and tmill");
}

void serve(const ServerOptions& options) {
  check(options);
  Server server(options);
  server.run();
}

}  // namespace tidemill::serve
