#include "serve/embedding_session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "serve/api_error.h"
#include "serve/embedding_message.h"
#include "serve/into.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

namespace net = boost::asio;

std::string error_message(const ApiError& error) {
  return "{\"type\":\"error\",\"status\":" + std::to_string(error.status()) + "," + error.body().substr(1);
}

// An error of the stream's options begins with the name of the option.
ApiError option_error(const Error& error) {
  const std::string text = error.what();
  if (error.code() != ErrorCode::invalid_argument) return ApiError(error);
  const std::string name = text.substr(0, text.find_first_of(": "));
  return ApiError(400, text, name == "prompt" ? "prompt_name" : name, "invalid_value");
}

}  // namespace

EmbeddingSession::EmbeddingSession(std::shared_ptr<Transport> stream, HttpRequest request, Connections& connections)
    : connections_(connections),
      request_(std::move(request)),
      transport_(std::move(stream)),
      socket_(*transport_),
      executor_(transport_->get_executor()),
      changed_(executor_, net::steady_timer::time_point::max()) {}

net::awaitable<void> EmbeddingSession::serve(Upgrade upgrade) {
  const auto self = shared_from_this();
  const bool is_open = co_await accept(socket_, upgrade);
  if (!is_open) co_return;
  connections_.at_drain[this] = [this] { end_gently(); };
  co_await read();
  connections_.at_drain.erase(this);
  end();
  transport_->close();  // a message may be on its way to somebody who does not read
}

net::awaitable<void> EmbeddingSession::read() {
  while (true) {
    std::optional<std::string> message = co_await read_text(socket_);
    if (!message.has_value()) co_return;
    std::optional<ApiError> problem;
    try {
      co_await take(std::move(*message));
    } catch (const ApiError& found) {
      problem = found;
    } catch (const Error& found) {
      problem = option_error(found);
    } catch (const std::exception& found) {
      problem = ApiError(500, "internal: " + printable(found.what()), {}, "internal_error");
    }
    if (problem) co_await send(error_message(*problem));
  }
}

net::awaitable<void> EmbeddingSession::take(std::string message) {
  const auto parse = [&message]() -> net::awaitable<EmbeddingMessage> { co_return read_embedding_message(message); };
  const EmbeddingMessage asked = co_await net::co_spawn(connections_.workers, parse, net::use_awaitable);
  if (!running_ && (asked.cancels || asked.text.empty()))
    throw ApiError(400, "'text': is missing; a stream begins with some", "text", "invalid_value");
  if (!running_) co_await begin(asked);
  const std::shared_ptr<Running> running = running_;
  if (asked.cancels) {
    running->is_cancelled = true;
    running->stream.cancel();
  } else {
    co_await running->stream.write(asked.text);
    if (asked.flushes) co_await running->stream.flush();
    if (asked.ends) co_await running->stream.finish();
  }
  // What follows the end of a stream begins another one, after all of this one has been told.
  while (running_ == running && (asked.ends || asked.cancels) && !has_ended_) co_await wait_for_change();
}

net::awaitable<void> EmbeddingSession::begin(const EmbeddingMessage& message) {
  App& app = connections_.app;
  if (app.is_draining) throw ApiError(503, "the server is stopping; ask another", {}, "shutting_down");
  if (const std::string name = app.access.identify(request_, Scope::embed); !name.empty()) request_.client = name;
  if (app.rate_limiter) app.rate_limiter->take_request(request_.client);
  const auto lease = app.models.lease();
  ServedEmbedder& model = app.models.find_embedder(message.model);
  running_ = std::shared_ptr<Running>(new Running{
      .lease = lease, .model = model, .stream = {executor_, connections_.workers, model.service, message.options}});
  ++connections_.n_answering;
  net::co_spawn(
      executor_, [self = shared_from_this(), running = running_] { return self->write(running); }, net::detached);
  co_return;
}

// Sends the vectors of a stream, and how it ended.
net::awaitable<void> EmbeddingSession::write(std::shared_ptr<Running> running) {
  std::optional<ApiError> problem;
  try {
    while (!has_ended_) {
      const std::optional<EmbeddingEvent> event = co_await running->stream.read();
      if (!event.has_value()) break;
      count(*running, *event);
      co_await send("{\"type\":\"embedding\"," + to_json(*event).substr(1));
    }
  } catch (const Error& error) {
    problem = ApiError(error);
  }
  running->stream.cancel();
  std::string last = "{\"type\":\"done\",\"statistics\":" + to_json(running->stream.statistics()) + "}";
  if (running->is_cancelled) last = "{\"type\":\"cancelled\"}";
  if (problem) last = error_message(*problem);
  co_await send(std::move(last));
  --connections_.n_answering;
  running_.reset();
  changed_.cancel();
}

void EmbeddingSession::count(const Running& running, const EmbeddingEvent& event) {
  App& app = connections_.app;
  app.metrics.count_embeddings(running.model.name, 1, event.n_tokens);
  if (app.rate_limiter) app.rate_limiter->take_tokens(request_.client, event.n_tokens);
}

// One message at a time.
net::awaitable<void> EmbeddingSession::send(std::string message) {
  while (is_sending_ && !has_ended_) co_await wait_for_change();
  if (has_ended_) co_return;
  is_sending_ = true;
  boost::system::error_code error;
  co_await socket_.async_write(net::buffer(message), into(error));
  is_sending_ = false;
  if (error) has_ended_ = true;
  changed_.cancel();
}

net::awaitable<void> EmbeddingSession::wait_for_change() {
  boost::system::error_code ignored;
  co_await changed_.async_wait(into(ignored));
}

// The server stops: what has been sent becomes vectors, and nothing more is taken.
void EmbeddingSession::end_gently() {
  if (!running_) return;
  net::co_spawn(
      executor_,
      [self = shared_from_this(), running = running_]() -> net::awaitable<void> { co_await running->stream.finish(); },
      net::detached);
}

void EmbeddingSession::end() {
  has_ended_ = true;
  if (running_) running_->stream.cancel();
  changed_.cancel();
}

}  // namespace tidemill::serve
