#include <algorithm>

#include "text/jinja/parser.h"
#include "text/jinja/scopes.h"

namespace tidemill::jinja {

Template parse_template(std::string_view source) {
  Template parsed;
  parsed.body = Parser(tokenize(source)).parse();
  resolve_scopes(parsed);
  return parsed;
}

void Parser::fail(const std::string& why, int line) const {
  throw Failure(Cause::syntax, why, line > 0 ? line : current().line);
}

std::string Parser::describe_current() const {
  switch (current().kind) {
    case TokenKind::end:
      return "the end of the template";
    case TokenKind::data:
      return "text";
    case TokenKind::block_begin:
      return "'{%'";
    case TokenKind::block_end:
      return "'%}'";
    case TokenKind::variable_begin:
      return "'{{'";
    case TokenKind::variable_end:
      return "'}}'";
    default:
      return "'" + current().text + "'";
  }
}

bool Parser::skip_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  take();
  return true;
}

bool Parser::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  take();
  return true;
}

void Parser::expect(TokenKind kind) {
  if (!at(kind)) fail("expected the end of the tag, got " + describe_current());
  take();
}

void Parser::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) fail("expected '" + std::string(symbol) + "', got " + describe_current());
}

std::string Parser::expect_name() {
  if (!at(TokenKind::name)) fail("expected a name, got " + describe_current());
  return take().text;
}

Block Parser::parse() {
  return statements_until({});
}

// Statements up to a tag with one of these names, whose '{%' is taken; without names up to the end of the template.
Block Parser::statements_until(std::initializer_list<std::string_view> end_names) {
  const DepthGuard guard(nesting_, kMaxNesting, "blocks or brackets");
  Block block;
  while (!at(TokenKind::end)) {
    if (at(TokenKind::data)) {
      const Token text = take();
      block.push_back(std::make_unique<TextStatement>(text.text, text.line));
    } else if (at(TokenKind::variable_begin)) {
      const int line = take().line;
      block.push_back(std::make_unique<PrintStatement>(tuple(Conditional::allowed, {}, false), line));
      expect(TokenKind::variable_end);
    } else {
      take();
      if (at(TokenKind::name) && std::find(end_names.begin(), end_names.end(), current().text) != end_names.end())
        return block;
      if (StatementPtr next = statement()) block.push_back(std::move(next));
      expect(TokenKind::block_end);
    }
  }
  if (end_names.size() > 0)
    fail("the template ends inside a block; add {% " + std::string(*(end_names.end() - 1)) + " %}");
  return block;
}

// The rest of the opening tag, and the block behind it.
Block Parser::body_until(std::initializer_list<std::string_view> end_names) {
  skip_symbol(":");
  expect(TokenKind::block_end);
  return statements_until(end_names);
}

Block Parser::body_up_to_end(std::string_view end_name) {
  Block body = body_until({end_name});
  take();
  return body;
}

StatementPtr Parser::statement() {
  if (!at(TokenKind::name)) fail("expected the name of a tag, got " + describe_current());
  const Token tag = take();
  if (tag.text == "set") return set_statement(tag.line);
  if (tag.text == "if") return if_statement(tag.line);
  if (tag.text == "for") return for_statement(tag.line);
  if (tag.text == "macro") return macro_statement(tag.line);
  if (tag.text == "call") return call_block(tag.line);
  if (tag.text == "filter") return filter_block(tag.line);
  if (tag.text == "with") return with_block(tag.line);
  if (tag.text == "generation") return generation_block(tag.line);
  if (tag.text == "break") return loop_control(StatementKind::break_loop, tag.line);
  if (tag.text == "continue") return loop_control(StatementKind::continue_loop, tag.line);
  return unknown_statement(tag.text, tag.line);
}

StatementPtr Parser::unknown_statement(const std::string& name, int line) {
  constexpr std::string_view kUnsupported[] = {"autoescape", "block",   "do",    "extends", "from",
                                               "import",     "include", "print", "trans"};
  if (std::find(std::begin(kUnsupported), std::end(kUnsupported), name) != std::end(kUnsupported))
    fail("the tag {% " + name + " %} is not supported in chat templates", line);
  if (name.starts_with("end") || name == "else" || name == "elif")
    fail("{% " + name + " %} closes nothing here; see the blocks before it", line);
  fail("there is no tag {% " + name + " %}", line);
}

StatementPtr Parser::set_statement(int line) {
  Target target = assignment_target({}, true);
  if (skip_symbol("=")) {
    auto node = std::make_unique<AssignStatement>(line);
    node->target = std::move(target);
    node->value = tuple(Conditional::allowed, {}, false);
    return node;
  }
  auto node = std::make_unique<AssignBlockStatement>(line);
  node->target = std::move(target);
  if (skip_symbol("|")) node->filter = block_filter();
  node->body = body_up_to_end("endset");
  return node;
}

StatementPtr Parser::if_statement(int line) {
  auto node = std::make_unique<IfStatement>(line);
  while (true) {
    ExpressionPtr test = tuple(Conditional::excluded, {}, false);
    Block body = body_until({"elif", "else", "endif"});
    node->branches.emplace_back(std::move(test), std::move(body));
    const std::string end = take().text;
    if (end == "else") node->otherwise = body_up_to_end("endif");
    if (end != "elif") return node;
  }
}

StatementPtr Parser::for_statement(int line) {
  auto node = std::make_unique<ForStatement>(line);
  node->target = assignment_target("in", false);
  if (!skip_name("in")) fail("expected 'in', got " + describe_current());
  node->iterable = tuple(Conditional::excluded, "recursive", false);
  if (skip_name("if")) node->condition = expression();
  node->recursive = skip_name("recursive");
  node->condition_target = node->target;
  ++loop_nesting_;
  node->body = body_until({"else", "endfor"});
  --loop_nesting_;
  // A recursive loop's else belongs to its function: outer loops cannot be left from there.
  const int loops_outside = std::exchange(loop_nesting_, node->recursive ? 0 : loop_nesting_);
  if (take().text == "else") node->otherwise = body_up_to_end("endfor");
  loop_nesting_ = loops_outside;
  return node;
}

void Parser::signature(MacroStatement& macro) {
  expect_symbol("(");
  while (!at_symbol(")")) {
    if (!macro.parameters.empty()) expect_symbol(",");
    MacroStatement::Parameter parameter;
    parameter.name = variable_name();
    if (skip_symbol("="))
      parameter.fallback = expression();
    else if (!macro.parameters.empty() && macro.parameters.back().fallback)
      fail("non-default argument follows default argument");
    for (const auto& other : macro.parameters)
      if (other.name == parameter.name) fail("two arguments are named '" + parameter.name + "'");
    macro.parameters.push_back(std::move(parameter));
  }
  take();
}

StatementPtr Parser::macro_statement(int line) {
  auto node = std::make_unique<MacroStatement>(StatementKind::macro, line);
  node->name = variable_name();
  signature(*node);
  const int loops_outside = std::exchange(loop_nesting_, 0);
  node->body = body_up_to_end("endmacro");
  loop_nesting_ = loops_outside;
  return node;
}

StatementPtr Parser::call_block(int line) {
  auto node = std::make_unique<CallBlockStatement>(line);
  if (at_symbol("(")) signature(node->caller);
  ExpressionPtr call = expression();
  if (call->kind == ExpressionKind::postfix) node->call.reset(static_cast<PostfixExpression*>(call.release()));
  if (!node->call || node->call->links.back().kind != Link::Kind::call) fail("expected a call of a macro", line);
  const int loops_outside = std::exchange(loop_nesting_, 0);
  node->caller.body = body_up_to_end("endcall");
  loop_nesting_ = loops_outside;
  return node;
}

StatementPtr Parser::filter_block(int line) {
  auto node = std::make_unique<FilterBlockStatement>(line);
  node->filter = block_filter();
  node->body = body_up_to_end("endfilter");
  return node;
}

StatementPtr Parser::with_block(int line) {
  auto node = std::make_unique<WithStatement>(line);
  while (!at(TokenKind::block_end)) {
    if (!node->assignments.empty()) expect_symbol(",");
    Target target = single_target(false);
    expect_symbol("=");
    node->assignments.emplace_back(std::move(target), expression());
  }
  node->body = body_up_to_end("endwith");
  return node;
}

StatementPtr Parser::generation_block(int line) {
  auto node = std::make_unique<ScopeStatement>(line);
  const int loops_outside = std::exchange(loop_nesting_, 0);
  node->body = body_up_to_end("endgeneration");
  loop_nesting_ = loops_outside;
  return node;
}

StatementPtr Parser::loop_control(StatementKind kind, int line) {
  if (loop_nesting_ == 0) fail("break and continue belong into a loop", line);
  return std::make_unique<LoopControlStatement>(kind, line);
}

std::string Parser::variable_name() {
  const Token token = current();
  const std::string name = expect_name();
  constexpr std::string_view kConstants[] = {"true", "false", "none", "True", "False", "None"};
  if (std::find(std::begin(kConstants), std::end(kConstants), name) != std::end(kConstants))
    fail("can't assign to '" + name + "'", token.line);
  return name;
}

// A name, a name with an attribute, or targets in parentheses.
Target Parser::single_target(bool allow_attributes) {
  const DepthGuard guard(nesting_, kMaxNesting, "blocks or brackets");
  Target target;
  target.line = current().line;
  if (skip_symbol("(")) {
    target = assignment_target(")", false);
    expect_symbol(")");
    return target;
  }
  if (!at(TokenKind::name)) fail("can't assign to " + describe_current());
  target.name = variable_name();
  if (allow_attributes && skip_symbol(".")) {
    target.kind = Target::Kind::attribute;
    target.attribute = expect_name();
  }
  return target;
}

Target Parser::assignment_target(std::string_view end_name, bool allow_attributes) {
  Target first = single_target(allow_attributes);
  if (!at_symbol(",")) return first;
  Target tuple;
  tuple.kind = Target::Kind::tuple;
  tuple.line = first.line;
  tuple.items.push_back(std::move(first));
  while (skip_symbol(",")) {
    if (at_tuple_end(end_name)) break;
    tuple.items.push_back(single_target(allow_attributes));
  }
  return tuple;
}

}  // namespace tidemill::jinja
