// Grammar: what a generated text must be, compiled to an automaton over the tokens of one engine.
//
//   auto grammar = engine.compile({.kind = GrammarSource::Kind::json_schema, .text = R"({"type": "object"})"});
//   session.generate({.prompt = "A tide mill as JSON: ", .grammar = grammar});
//
// docs/constrained.md says what grammars and schemas may hold.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tidemill/error.h"

namespace tidemill {

struct GrammarSource {
  enum class Kind {
    gbnf,         // llama.cpp's notation; the text is what its rule "root" says
    json_schema,  // a JSON Schema; the text is one JSON document that satisfies it
  };
  Kind kind = Kind::gbnf;
  std::string text;

  bool operator==(const GrammarSource&) const = default;
};

// Thrown for a grammar that is malformed, asks for what cannot be enforced, or is too large (invalid_argument).
class GrammarError : public Error {
 public:
  // `where` is "line 2, column 5" in a GBNF text, or the path in a schema, such as "properties.name.pattern"; it may
  // be empty.
  GrammarError(const std::string& where, const std::string& why)
      : Error(ErrorCode::invalid_argument, "grammar: " + (where.empty() ? "" : where + ": ") + why),
        where_(where),
        why_(why) {}
  const std::string& where() const { return where_; }
  const std::string& why() const { return why_; }

 private:
  std::string where_, why_;
};

// A compiled grammar.  Cheap to copy: copies share it, and what has been computed for it so far.  Made by
// Engine::compile; any number of requests to that engine may use it at once.
class Grammar {
 public:
  class Impl;
  explicit Grammar(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  const std::shared_ptr<Impl>& impl() const { return impl_; }

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace tidemill
