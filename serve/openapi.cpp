#include "serve/openapi.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "serve/routes.h"
#include "tidemill/system.h"

namespace tidemill::serve {
namespace {

using nlohmann::ordered_json;

ordered_json reference(std::string_view schema) {
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

ordered_json content_of(std::string_view type, ordered_json schema) {
  return {{std::string(type), {{"schema", std::move(schema)}}}};
}

// "/v1/models/{}" -> "/v1/models/{id}".
std::string path_of(const Route& route) {
  std::string path(route.path);
  if (const size_t part = path.find("{}"); part != std::string::npos) path.replace(part, 2, "{id}");
  return path;
}

// "POST /v1/models" -> "post_v1_models".
std::string operation_id(const Route& route) {
  std::string id;
  for (const char c : std::string(route.method) + path_of(route)) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (c != '}')
      id += '_';
  }
  return id;
}

ordered_json responses_of(const Route& route) {
  ordered_json schema = {{"type", route.answer_type == "application/json" ? "object" : "string"}};
  if (!route.answer.empty()) schema = reference(route.answer);
  ordered_json content = content_of(route.answer_type, std::move(schema));
  if (route.streams) content["text/event-stream"] = {{"schema", {{"type", "string"}}}};
  const std::string status = std::to_string(route.status);
  return {{status, {{"description", "Done."}, {"content", std::move(content)}}},
          {"default",
           {{"description", "What is wrong, in OpenAI's form."},
            {"content", content_of("application/json", reference("Error"))}}}};
}

ordered_json operation_of(const Route& route) {
  ordered_json operation = {{"operationId", operation_id(route)}, {"summary", route.summary}};
  if (route.scope == Scope::none)
    operation["security"] = ordered_json::array();
  else if (route.scope != Scope::list)
    operation["description"] = "Needs the scope '" + std::string(name_of(route.scope)) + "'.";
  if (route.path.find("{}") != std::string_view::npos)
    operation["parameters"] = {{{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}};
  if (!route.body.empty())
    operation["requestBody"] = {{"required", true}, {"content", content_of("application/json", reference(route.body))}};
  operation["responses"] = responses_of(route);
  return operation;
}

std::string make_document() {
  ordered_json document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "tidemill"},
        {"version", version()},
        {"description", "Models behind OpenAI's protocol. Fields that nobody knows are ignored."}}},
      {"security", {{{"bearer", ordered_json::array()}}, ordered_json::object()}},
      {"paths", ordered_json::object()},
      {"components",
       {{"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}},
        {"schemas", ordered_json::parse(openapi_schemas())}}}};
  for (const Route& route : routes()) {
    std::string method(route.method);
    std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) { return std::tolower(c); });
    document["paths"][path_of(route)][method] = operation_of(route);
  }
  return document.dump();
}

}  // namespace

const std::string& openapi_document() {
  static const std::string kDocument = make_document();
  return kDocument;
}

}  // namespace tidemill::serve
