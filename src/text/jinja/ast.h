// The tree of a parsed template.  Read-only after scopes.cpp has given every variable its place.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/filters.h"
#include "text/jinja/operators.h"
#include "text/jinja/value.h"

namespace tidemill::jinja {

// Where a variable lives: a slot of the function it is used in, or of one around it.
struct Variable {
  int slot = -1;
  int hops = 0;  // functions outwards
};

// ---- Expressions

enum class ExpressionKind {
  literal,
  name,
  list,
  tuple,
  dict,
  postfix,
  unary,
  arithmetic,
  concat,
  comparison,
  logic,
  conditional,
};

struct Expression {
  Expression(ExpressionKind expression_kind, int source_line) : kind(expression_kind), line(source_line) {}
  virtual ~Expression() = default;

  const ExpressionKind kind;
  const int line;
};

using ExpressionPtr = std::unique_ptr<Expression>;

struct LiteralExpression : Expression {
  LiteralExpression(Value constant, int at) : Expression(ExpressionKind::literal, at), value(std::move(constant)) {}
  Value value;
};

struct NameExpression : Expression {
  NameExpression(std::string text, int at) : Expression(ExpressionKind::name, at), name(std::move(text)) {}
  std::string name;
  Variable variable;
};

struct SequenceExpression : Expression {  // list, tuple, or the parts of a ~ concatenation
  using Expression::Expression;
  std::vector<ExpressionPtr> items;
};

struct DictExpression : Expression {
  explicit DictExpression(int at) : Expression(ExpressionKind::dict, at) {}
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr all_positional, all_named;  // *args and **kwargs
};

// What follows a value: .name, [key], [start:stop:step], (arguments), | filter, is test.
struct Link {
  enum class Kind { attribute, item, slice, call, filter, test };
  Link(Kind link_kind, int at) : kind(link_kind), line(at) {}

  Kind kind;
  int line;
  std::string name;                 // of the attribute, filter or test
  const Filter* filter = nullptr;   // nullptr: there is none of that name
  const Test* test = nullptr;       // likewise
  bool negated = false;             // is not
  ExpressionPtr key;                // of an item
  ExpressionPtr start, stop, step;  // of a slice; nullptr: not given
  CallArguments arguments;          // of a call, filter or test
};

// A value and what follows it.  Kept flat, like all chains here: long ones are no deep trees.
struct PostfixExpression : Expression {
  explicit PostfixExpression(int at) : Expression(ExpressionKind::postfix, at) {}
  ExpressionPtr first;  // nullptr in {% filter %} and {% set %} blocks: their text
  std::vector<Link> links;
};

enum class UnaryOperator { negate, plus, logical_not };

struct UnaryExpression : Expression {
  UnaryExpression(UnaryOperator what, int at) : Expression(ExpressionKind::unary, at), operation(what) {}
  UnaryOperator operation;
  ExpressionPtr operand;
};

// Operators of one rank, from left to right.
struct ArithmeticExpression : Expression {
  explicit ArithmeticExpression(int at) : Expression(ExpressionKind::arithmetic, at) {}
  ExpressionPtr first;
  std::vector<std::pair<Arithmetic, ExpressionPtr>> rest;
};

enum class Relation { equal, unequal, less, less_or_equal, greater, greater_or_equal, in, not_in };

struct ComparisonExpression : Expression {  // a < b <= c
  explicit ComparisonExpression(int at) : Expression(ExpressionKind::comparison, at) {}
  ExpressionPtr first;
  std::vector<std::pair<Relation, ExpressionPtr>> rest;
};

struct LogicExpression : Expression {  // a and b and c
  LogicExpression(bool conjunction, int at) : Expression(ExpressionKind::logic, at), is_and(conjunction) {}
  bool is_and;
  std::vector<ExpressionPtr> operands;
};

struct ConditionalExpression : Expression {
  explicit ConditionalExpression(int at) : Expression(ExpressionKind::conditional, at) {}
  ExpressionPtr test, then, otherwise;  // otherwise may be nullptr
};

// ---- Statements

enum class StatementKind {
  text,
  print,
  assign,
  assign_block,
  if_branches,
  for_loop,
  macro,
  call_block,
  filter_block,
  with_block,
  scope_block,
  break_loop,
  continue_loop,
};

struct Statement {
  Statement(StatementKind statement_kind, int source_line) : kind(statement_kind), line(source_line) {}
  virtual ~Statement() = default;

  const StatementKind kind;
  const int line;
};

using StatementPtr = std::unique_ptr<Statement>;
using Block = std::vector<StatementPtr>;

// What to do with variables when a scope is entered; when it is left they are cleared.
struct Scope {
  enum class Load {
    parameter,  // set by what enters the scope
    resolve,    // from the variables given to the template, by name
    alias,      // from a scope around this one
    undefined,
  };
  struct Entry {
    int slot;
    Load load;
    std::string name;  // for resolve
    Variable source;   // for alias
  };
  std::vector<Entry> entries;
};

// Where an assignment goes.
struct Target {
  enum class Kind { name, attribute, tuple };
  Kind kind = Kind::name;
  int line = 0;
  std::string name;       // the variable
  std::string attribute;  // of a namespace, for Kind::attribute
  Variable variable;
  std::vector<Target> items;
};

struct TextStatement : Statement {
  TextStatement(std::string data, int at) : Statement(StatementKind::text, at), text(std::move(data)) {}
  std::string text;
};

struct PrintStatement : Statement {
  PrintStatement(ExpressionPtr printed, int at) : Statement(StatementKind::print, at), value(std::move(printed)) {}
  ExpressionPtr value;
};

struct AssignStatement : Statement {
  explicit AssignStatement(int at) : Statement(StatementKind::assign, at) {}
  Target target;
  ExpressionPtr value;
};

struct AssignBlockStatement : Statement {
  explicit AssignBlockStatement(int at) : Statement(StatementKind::assign_block, at) {}
  Target target;
  std::unique_ptr<PostfixExpression> filter;  // over the block's text; may be nullptr
  Block body;
  Scope scope;
};

struct IfStatement : Statement {
  explicit IfStatement(int at) : Statement(StatementKind::if_branches, at) {}
  std::vector<std::pair<ExpressionPtr, Block>> branches;  // if and elif
  Block otherwise;
};

struct ForStatement : Statement {
  explicit ForStatement(int at) : Statement(StatementKind::for_loop, at) {}
  Target target;
  ExpressionPtr iterable;
  ExpressionPtr condition;  // {% for ... if condition %}; may be nullptr
  Target condition_target;  // the target as the condition sees it
  Block body, otherwise;
  Scope body_scope, condition_scope, otherwise_scope;
  int loop_slot = -1;  // of the variable `loop`
  // {% for ... recursive %}: everything but the iterable lives in a frame of its own, one for every call of `loop`.
  bool recursive = false;
  size_t n_slots = 0;
  bool has_closures = false;
};

// A macro, or the body of a {% call %} block.
struct MacroStatement : Statement {
  MacroStatement(StatementKind statement_kind, int at) : Statement(statement_kind, at) {}

  struct Parameter {
    std::string name;
    ExpressionPtr fallback;  // nullptr: none
    int slot = -1;
  };
  std::string name;  // empty for a call block
  Variable variable;
  std::vector<Parameter> parameters;
  Block body;
  Scope scope;
  size_t n_slots = 0;
  int caller_slot = -1, kwargs_slot = -1, varargs_slot = -1;  // -1: the body does not use it
  bool has_closures = false;                                  // macros or call blocks inside
};

struct CallBlockStatement : Statement {
  explicit CallBlockStatement(int at) : Statement(StatementKind::call_block, at), caller(StatementKind::macro, at) {}
  std::unique_ptr<PostfixExpression> call;  // its last link is a call, which gets the caller
  MacroStatement caller;
};

struct FilterBlockStatement : Statement {
  explicit FilterBlockStatement(int at) : Statement(StatementKind::filter_block, at) {}
  std::unique_ptr<PostfixExpression> filter;
  Block body;
  Scope scope;
};

struct WithStatement : Statement {
  explicit WithStatement(int at) : Statement(StatementKind::with_block, at) {}
  std::vector<std::pair<Target, ExpressionPtr>> assignments;
  Block body;
  Scope scope;
};

struct ScopeStatement : Statement {  // {% generation %}
  explicit ScopeStatement(int at) : Statement(StatementKind::scope_block, at) {}
  Block body;
  Scope scope;
};

struct LoopControlStatement : Statement {  // break, continue
  using Statement::Statement;
};

struct Template {
  Block body;
  Scope scope;
  size_t n_slots = 0;
};

}  // namespace tidemill::jinja
