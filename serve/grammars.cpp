#include "serve/grammars.h"

#include <nlohmann/json.hpp>

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

struct Asked {
  GrammarSource source = {};
  std::string param = {};  // what messages name
};

// A member of response_format, with its members in their order.
std::string written(const std::string& body, std::initializer_list<const char*> path) {
  nlohmann::ordered_json value = parse_in_order(body, "response_format");
  for (const char* key : path) value = nlohmann::ordered_json(std::move(value[key]));
  return value.dump();
}

std::optional<Asked> read_format(const Fields& fields, const std::string& body) {
  const auto format = fields.object("response_format");
  if (!format) return std::nullopt;
  const std::string type = format->text("type").value_or("");
  if (type == "text") return std::nullopt;
  const auto of_schema = [](std::string schema, std::string param) {
    return Asked{{GrammarSource::Kind::json_schema, std::move(schema)}, std::move(param)};
  };
  if (type == "json_object") {
    if (format->find("schema") != nullptr)  // llama.cpp's way
      return of_schema(written(body, {"schema"}), "response_format.schema");
    return of_schema(R"({"type": "object"})", "response_format");
  }
  if (type != "json_schema") format->fail("type", "must be text, json_object or json_schema");
  const auto described = format->object("json_schema");
  if (!described) format->fail("json_schema", "is missing; give an object with a 'schema'");
  if (described->find("schema") == nullptr) return of_schema(R"({"type": "object"})", "response_format");
  return of_schema(written(body, {"json_schema", "schema"}), "response_format.json_schema.schema");
}

}  // namespace

std::optional<Grammar> read_grammar(const Fields& fields, const std::string& body, const Engine& engine) {
  std::optional<Asked> asked = read_format(fields, body);
  if (const auto grammar = fields.text("grammar"); grammar && !grammar->empty()) {
    if (asked) fields.fail("grammar", "cannot be combined with 'response_format'; give one of them");
    asked.emplace();
    asked->source.text = *grammar;
    asked->param = "grammar";
  }
  if (!asked) return std::nullopt;
  try {
    return engine.compile(asked->source);
  } catch (const GrammarError& error) {
    const bool is_schema = asked->source.kind == GrammarSource::Kind::json_schema && !error.where().empty();
    const std::string param = is_schema ? asked->param + "." + error.where() : asked->param;
    const std::string place = is_schema || error.where().empty() ? "" : error.where() + ": ";
    throw ApiError(400, printable("'" + param + "': " + place + error.why()), param, "invalid_value");
  }
}

}  // namespace tidemill::serve
