// The table of routes.
#pragma once

#include <span>
#include <string_view>

#include "serve/app.h"

namespace tidemill::serve {

struct Route {
  std::string_view method;
  std::string_view path;  // a part "{}" stands for anything but '/'
  Scope scope;
  void (*handle)(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
  // What /openapi.json tells of it:
  std::string_view summary;
  std::string_view body = {};  // its schema, by the name that openapi_schemas gives it; empty: none
  bool streams = false;        // when it is asked to
  int status = 200;            // when all is well
  std::string_view answer_type = "application/json";
  std::string_view answer = {};  // the schema of what is answered; empty: some object
};

std::span<const Route> routes();
// Finds the request's route and what its {} stand for.
void match_route(HttpRequest& request);

void get_health(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void get_ready(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void get_models(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void get_model(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_completions(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_chat_completions(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_responses(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_messages(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_count_tokens(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_embeddings(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_rerank(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void get_stream(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_tokenize(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_models(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void delete_model(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void get_openapi(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void get_metrics(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);
void post_detokenize(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer);

}  // namespace tidemill::serve
