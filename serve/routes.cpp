#include "serve/routes.h"

#include <new>
#include <optional>
#include <set>

#include "serve/api_error.h"
#include "serve/messages_wire.h"

namespace tidemill::serve {
namespace {

// What the path's {} stand for; nothing when it is not of this form.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parts;
  while (!pattern.empty() || !path.empty()) {
    if (pattern.starts_with("{}")) {
      const size_t length = std::min(path.find('/'), path.size());
      if (length == 0) return std::nullopt;
      parts.emplace_back(path.substr(0, length));
      pattern.remove_prefix(2);
      path.remove_prefix(length);
    } else if (!pattern.empty() && !path.empty() && pattern[0] == path[0]) {
      pattern.remove_prefix(1);
      path.remove_prefix(1);
    } else {
      return std::nullopt;
    }
  }
  return parts;
}

// The methods that a path takes, as in "GET, POST"; empty for one that nobody answers.
std::string methods_of(const std::string& path) {
  std::set<std::string_view> methods;
  for (const Route& route : routes())
    if (match(route.path, path)) methods.insert(route.method);
  std::string list;
  for (const std::string_view method : methods) list += (list.empty() ? "" : ", ") + std::string(method);
  return list;
}

// Says what is wrong with a request that no route answers.
[[noreturn]] void fail_to_route(const HttpRequest& request) {
  const std::string list = methods_of(request.path);
  if (list.empty())
    throw ApiError(404, "'" + printable(request.path, 200) + "': there is no such endpoint", {}, "unknown_url");
  throw ApiError(405, "'" + printable(request.path, 200) + "': takes " + list, {}, "method_not_allowed");
}

// A form or a script of another page could post anything else without being asked (CSRF).
void check_content_type(const HttpRequest& request) {
  if (request.method != "POST") return;
  const std::string_view type = request.header("content-type");
  if (type.substr(0, type.find(';')) != "application/json")
    throw ApiError(415, "Content-Type: must be application/json", {}, "unsupported_media_type");
}

void check_ready(const App& app) {
  if (app.is_draining) throw ApiError(503, "the server is stopping; ask another", {}, "shutting_down");
  if (app.is_loading) throw ApiError(503, "the server is loading its models; try again", {}, "loading");
}

void dispatch_or_throw(App& app, HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  app.access.check_origin(request);
  if (request.method == "OPTIONS") return answer->send({.status = 204, .content_type = "", .body = ""});
  if (request.route == nullptr) fail_to_route(request);
  const Route& route = *request.route;
  if (route.scope != Scope::none) {
    if (const std::string name = app.access.identify(request, route.scope); !name.empty()) request.client = name;
    answer->set_client(request.client);
  }
  const bool is_work = route.scope == Scope::infer || route.scope == Scope::embed;
  if (is_work || route.scope == Scope::admin) check_ready(app);
  check_content_type(request);
  if (is_work && app.rate_limiter) answer->add_headers(app.rate_limiter->take_request(request.client));
  route.handle(app, request, answer);
}

}  // namespace

std::span<const Route> routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/health", Scope::none, get_health, "that the process lives"},
      {"GET", "/ready", Scope::none, get_ready, "whether requests are taken"},
      {"GET", "/metrics", Scope::metrics, get_metrics, "what the server counts, for Prometheus", "", false, 200,
       "text/plain"},
      {"GET", "/openapi.json", Scope::none, get_openapi, "this document"},
      {"GET", "/v1/models", Scope::list, get_models, "the models that are served"},
      {"GET", "/v1/models/{}", Scope::list, get_model, "one of the models"},
      {"POST", "/v1/models", Scope::admin, post_models, "load another model", "LoadModel", false, 201},
      {"DELETE", "/v1/models/{}", Scope::admin, delete_model, "end serving a model"},
      {"POST", "/v1/completions", Scope::infer, post_completions, "texts that go on from prompts", "Completion", true},
      {"POST", "/v1/chat/completions", Scope::infer, post_chat_completions, "the next message of a conversation",
       "Chat", true},
      {"POST", "/v1/responses", Scope::infer, post_responses, "the next message, in the form of OpenAI's responses",
       "Responses", true},
      {"POST", "/v1/messages", Scope::infer, post_messages, "the next message, in Anthropic's form", "Messages", true},
      {"POST", "/v1/messages/count_tokens", Scope::infer, post_count_tokens, "how many tokens a conversation has",
       "Messages"},
      {"POST", "/v1/embeddings", Scope::embed, post_embeddings, "vectors of texts", "Embeddings"},
      {"POST", "/rerank", Scope::embed, post_rerank, "documents in the order in which they answer a query", "Rerank",
       false, 200, "application/json", "Ranking"},
      {"POST", "/v1/rerank", Scope::embed, post_rerank, "documents in the order in which they answer a query", "Rerank",
       false, 200, "application/json", "Ranking"},
      {"POST", "/v2/rerank", Scope::embed, post_rerank, "documents in the order in which they answer a query", "Rerank",
       false, 200, "application/json", "Ranking"},
      {"GET", "/v1/stream", Scope::infer, get_stream, "a WebSocket for several texts at once", "", false, 101},
      {"GET", "/v1/embeddings/stream", Scope::embed, get_stream, "a WebSocket for texts that never end", "", false,
       101},
      {"POST", "/tokenize", Scope::infer, post_tokenize, "the tokens of a text", "Tokenize"},
      {"POST", "/detokenize", Scope::infer, post_detokenize, "the text of tokens", "Detokenize"},
  };
  return kRoutes;
}

void match_route(HttpRequest& request) {
  for (const Route& route : routes()) {
    if (route.method != request.method) continue;
    auto parts = match(route.path, request.path);
    if (!parts) continue;
    request.parts = std::move(*parts);
    request.route = &route;
    return;
  }
}

void dispatch(App& app, HttpRequest request, const std::shared_ptr<Answer>& answer) {
  const auto refuse = [&](const ApiError& error) {
    HttpResponse response = error.response();
    if (error.status() == 405) response.headers["allow"] = methods_of(request.path);
    if (request.path.starts_with("/v1/messages")) response.body = messages_error(error);
    answer->send(std::move(response));
  };
  try {
    dispatch_or_throw(app, request, answer);
  } catch (const ApiError& error) {
    refuse(error);
  } catch (const Error& error) {
    refuse(ApiError(error));
  } catch (const std::bad_alloc&) {
    refuse(ApiError(503, "not enough memory for this request", {}, "out_of_memory"));
  } catch (const std::exception& error) {
    refuse(ApiError(500, "internal: " + printable(error.what()), {}, "internal_error"));
  }
}

}  // namespace tidemill::serve
