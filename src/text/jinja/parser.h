// Tokens -> tree.
#pragma once

#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace tidemill::jinja {

// A template ready to be rendered.  Throws Failure(syntax or limit) with the line.
Template parse_template(std::string_view source);

// Recursive descent over the tokens: expressions in parse_expressions.cpp, statements in parse_statements.cpp.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Block parse();

 private:
  enum class Conditional { allowed, excluded };  // a if b else c

  // Tokens.
  const Token& current() const { return tokens_[position_]; }
  const Token& following() const { return tokens_[std::min(position_ + 1, tokens_.size() - 1)]; }
  const Token& take() { return tokens_[position_ < tokens_.size() - 1 ? position_++ : position_]; }
  bool at(TokenKind kind) const { return current().kind == kind; }
  bool at_symbol(std::string_view symbol) const { return at(TokenKind::symbol) && current().text == symbol; }
  bool at_name(std::string_view name) const { return at(TokenKind::name) && current().text == name; }
  bool skip_symbol(std::string_view symbol);
  bool skip_name(std::string_view name);
  void expect(TokenKind kind);
  void expect_symbol(std::string_view symbol);
  std::string expect_name();
  std::string describe_current() const;
  [[noreturn]] void fail(const std::string& why, int line = 0) const;

  // Expressions.
  ExpressionPtr expression(Conditional conditional = Conditional::allowed);
  ExpressionPtr conditional();
  ExpressionPtr logic(bool is_and);
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr arithmetic(int rank);
  ExpressionPtr concatenation();
  ExpressionPtr operand(int rank);
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr primary();
  ExpressionPtr string_literal();
  ExpressionPtr number_literal();
  ExpressionPtr list_literal();
  ExpressionPtr dict_literal();
  ExpressionPtr tuple(Conditional conditional, std::string_view end_name, bool in_parentheses);
  static ExpressionPtr with_links(ExpressionPtr first, std::vector<Link> links, int line);
  void postfixes(std::vector<Link>& links);
  void filters_and_tests(std::vector<Link>& links);
  Link subscript();
  Link bracket_subscript();
  Link call();
  CallArguments call_arguments();
  Link filter();
  Link test();
  std::unique_ptr<PostfixExpression> block_filter();
  std::string dotted_name();
  bool at_tuple_end(std::string_view end_name) const;

  // Statements.
  Block statements_until(std::initializer_list<std::string_view> end_names);
  Block body_until(std::initializer_list<std::string_view> end_names);
  Block body_up_to_end(std::string_view end_name);
  StatementPtr statement();
  StatementPtr unknown_statement(const std::string& name, int line);
  StatementPtr set_statement(int line);
  StatementPtr if_statement(int line);
  StatementPtr for_statement(int line);
  StatementPtr macro_statement(int line);
  StatementPtr call_block(int line);
  StatementPtr filter_block(int line);
  StatementPtr with_block(int line);
  StatementPtr generation_block(int line);
  StatementPtr loop_control(StatementKind kind, int line);
  void signature(MacroStatement& macro);
  Target assignment_target(std::string_view end_name, bool allow_attributes);
  Target single_target(bool allow_attributes);
  std::string variable_name();

  std::vector<Token> tokens_;
  size_t position_ = 0;
  int nesting_ = 0;
  int loop_nesting_ = 0;  // loops around the statement, within the same macro
};

}  // namespace tidemill::jinja
