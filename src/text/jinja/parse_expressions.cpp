#include <algorithm>

#include "text/jinja/numbers.h"
#include "text/jinja/parser.h"

namespace tidemill::jinja {
namespace {

// a if b if c: each condition holds the one before it.
constexpr int kMaxConditions = 8;

template <typename T>
std::optional<T> look_up(std::initializer_list<std::pair<std::string_view, T>> table, const Token& token) {
  for (const auto& [symbol, meaning] : table)
    if (token.text == symbol) return meaning;
  return std::nullopt;
}

// Operators by rank: 0 binds least.  Between 0 and 1 stands the concatenation ~.
std::optional<Arithmetic> operator_of_rank(int rank, const Token& token) {
  if (token.kind != TokenKind::symbol) return std::nullopt;
  if (rank == 0) return look_up<Arithmetic>({{"+", Arithmetic::add}, {"-", Arithmetic::subtract}}, token);
  if (rank == 2) return look_up<Arithmetic>({{"**", Arithmetic::power}}, token);
  return look_up<Arithmetic>({{"*", Arithmetic::multiply},
                              {"/", Arithmetic::divide},
                              {"//", Arithmetic::floor_divide},
                              {"%", Arithmetic::modulo}},
                             token);
}

std::optional<Relation> relation_of(const Token& token) {
  if (token.kind != TokenKind::symbol) return std::nullopt;
  return look_up<Relation>({{"==", Relation::equal},
                            {"!=", Relation::unequal},
                            {"<", Relation::less},
                            {"<=", Relation::less_or_equal},
                            {">", Relation::greater},
                            {">=", Relation::greater_or_equal}},
                           token);
}

}  // namespace

ExpressionPtr Parser::expression(Conditional allowed) {
  const DepthGuard guard(nesting_, kMaxNesting, "blocks or brackets");
  return allowed == Conditional::allowed ? conditional() : logic(false);
}

ExpressionPtr Parser::conditional() {
  const int line = current().line;
  ExpressionPtr value = logic(false);
  int n_conditions = 0;
  while (skip_name("if")) {
    if (++n_conditions > kMaxConditions) fail("too many conditions in one expression");
    auto node = std::make_unique<ConditionalExpression>(line);
    node->then = std::move(value);
    node->test = logic(false);
    if (skip_name("else")) node->otherwise = expression();
    value = std::move(node);
  }
  return value;
}

ExpressionPtr Parser::logic(bool is_and) {
  const int line = current().line;
  ExpressionPtr first = is_and ? negation() : logic(true);
  if (!at_name(is_and ? "and" : "or")) return first;
  auto node = std::make_unique<LogicExpression>(is_and, line);
  node->operands.push_back(std::move(first));
  while (skip_name(is_and ? "and" : "or")) node->operands.push_back(is_and ? negation() : logic(true));
  return node;
}

ExpressionPtr Parser::negation() {
  if (!at_name("not")) return comparison();
  const DepthGuard guard(nesting_, kMaxNesting, "blocks or brackets");
  auto node = std::make_unique<UnaryExpression>(UnaryOperator::logical_not, take().line);
  node->operand = negation();
  return node;
}

ExpressionPtr Parser::comparison() {
  const int line = current().line;
  auto node = std::make_unique<ComparisonExpression>(line);
  node->first = arithmetic(0);
  while (true) {
    std::optional<Relation> relation = relation_of(current());
    if (!relation && at_name("in")) relation = Relation::in;
    if (!relation && at_name("not") && following().kind == TokenKind::name && following().text == "in") {
      relation = Relation::not_in;
      take();
    }
    if (!relation) break;
    take();
    node->rest.emplace_back(*relation, arithmetic(0));
  }
  return node->rest.empty() ? std::move(node->first) : ExpressionPtr(std::move(node));
}

ExpressionPtr Parser::operand(int rank) {
  if (rank == 0) return concatenation();
  return rank == 1 ? arithmetic(2) : unary(true);
}

ExpressionPtr Parser::arithmetic(int rank) {
  auto node = std::make_unique<ArithmeticExpression>(current().line);
  node->first = operand(rank);
  while (const auto operation = operator_of_rank(rank, current())) {
    take();
    node->rest.emplace_back(*operation, operand(rank));
  }
  return node->rest.empty() ? std::move(node->first) : ExpressionPtr(std::move(node));
}

ExpressionPtr Parser::concatenation() {
  auto node = std::make_unique<SequenceExpression>(ExpressionKind::concat, current().line);
  node->items.push_back(arithmetic(1));
  while (skip_symbol("~")) node->items.push_back(arithmetic(1));
  return node->items.size() == 1 ? std::move(node->items[0]) : ExpressionPtr(std::move(node));
}

ExpressionPtr Parser::unary(bool with_filters) {
  ExpressionPtr value;
  const int line = current().line;
  if (at_symbol("-") || at_symbol("+")) {
    const DepthGuard guard(nesting_, kMaxNesting, "blocks or brackets");
    const Token sign = take();
    auto node =
        std::make_unique<UnaryExpression>(sign.text == "-" ? UnaryOperator::negate : UnaryOperator::plus, sign.line);
    node->operand = unary(false);
    value = std::move(node);
  } else {
    value = primary();
  }
  std::vector<Link> links;
  postfixes(links);
  if (with_filters) filters_and_tests(links);
  return with_links(std::move(value), std::move(links), line);
}

ExpressionPtr Parser::with_links(ExpressionPtr first, std::vector<Link> links, int line) {
  if (links.empty()) return first;
  auto node = std::make_unique<PostfixExpression>(line);
  node->first = std::move(first);
  node->links = std::move(links);
  return node;
}

ExpressionPtr Parser::primary() {
  const Token& token = current();
  switch (token.kind) {
    case TokenKind::string:
      return string_literal();
    case TokenKind::integer:
    case TokenKind::real:
      return number_literal();
    case TokenKind::name: {
      const Token name = take();
      if (name.text == "true" || name.text == "True") return std::make_unique<LiteralExpression>(true, name.line);
      if (name.text == "false" || name.text == "False") return std::make_unique<LiteralExpression>(false, name.line);
      if (name.text == "none" || name.text == "None") return std::make_unique<LiteralExpression>(None(), name.line);
      return std::make_unique<NameExpression>(name.text, name.line);
    }
    default:
      break;
  }
  if (at_symbol("[")) return list_literal();
  if (at_symbol("{")) return dict_literal();
  if (!skip_symbol("(")) fail("unexpected " + describe_current());
  ExpressionPtr inside = tuple(Conditional::allowed, {}, true);
  expect_symbol(")");
  return inside;
}

ExpressionPtr Parser::string_literal() {
  const int line = current().line;
  std::string text;
  while (at(TokenKind::string)) text += take().text;
  return std::make_unique<LiteralExpression>(constant_string(std::move(text)), line);
}

ExpressionPtr Parser::number_literal() {
  const Token token = take();
  if (token.kind == TokenKind::real) {
    const auto number = parse_float(token.text);
    return std::make_unique<LiteralExpression>(number.value_or(0), token.line);
  }
  try {
    return std::make_unique<LiteralExpression>(parse_int(token.text, 0).value_or(0), token.line);
  } catch (const Failure& failure) {
    fail(failure.what(), token.line);
  }
}

ExpressionPtr Parser::list_literal() {
  auto node = std::make_unique<SequenceExpression>(ExpressionKind::list, take().line);
  while (!at_symbol("]")) {
    if (!node->items.empty()) expect_symbol(",");
    if (at_symbol("]")) break;
    node->items.push_back(expression());
  }
  take();
  return node;
}

ExpressionPtr Parser::dict_literal() {
  auto node = std::make_unique<DictExpression>(take().line);
  while (!at_symbol("}")) {
    if (!node->entries.empty()) expect_symbol(",");
    if (at_symbol("}")) break;
    ExpressionPtr key = expression();
    expect_symbol(":");
    node->entries.emplace_back(std::move(key), expression());
  }
  take();
  return node;
}

bool Parser::at_tuple_end(std::string_view end_name) const {
  return at(TokenKind::variable_end) || at(TokenKind::block_end) || at_symbol(")") ||
         (!end_name.empty() && at_name(end_name));
}

// One expression, or a tuple when commas follow.
ExpressionPtr Parser::tuple(Conditional allowed, std::string_view end_name, bool in_parentheses) {
  auto node = std::make_unique<SequenceExpression>(ExpressionKind::tuple, current().line);
  bool is_tuple = false;
  while (true) {
    if (!node->items.empty()) expect_symbol(",");
    if (at_tuple_end(end_name)) break;
    node->items.push_back(expression(allowed));
    if (!at_symbol(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return node;
  if (!node->items.empty()) return std::move(node->items[0]);
  if (!in_parentheses) fail("expected an expression, got " + describe_current());
  return node;
}

void Parser::postfixes(std::vector<Link>& links) {
  while (true) {
    if (at_symbol(".") || at_symbol("["))
      links.push_back(subscript());
    else if (at_symbol("("))
      links.push_back(call());
    else
      return;
  }
}

void Parser::filters_and_tests(std::vector<Link>& links) {
  while (true) {
    if (skip_symbol("|"))
      links.push_back(filter());
    else if (at_name("is"))
      links.push_back(test());
    else if (at_symbol("("))
      links.push_back(call());
    else
      return;
  }
}

Link Parser::subscript() {
  if (!at_symbol(".")) return bracket_subscript();
  const int line = take().line;
  Link link(Link::Kind::attribute, line);
  if (at(TokenKind::name)) {
    link.name = take().text;
    return link;
  }
  if (!at(TokenKind::integer)) fail("expected a name or number, got " + describe_current());
  link.kind = Link::Kind::item;
  link.key = number_literal();
  return link;
}

Link Parser::bracket_subscript() {
  const int line = take().line;
  ExpressionPtr bounds[3];
  size_t n_colons = 0;
  auto keys = std::make_unique<SequenceExpression>(ExpressionKind::tuple, line);
  bool is_tuple = false;
  while (!at_symbol("]")) {
    if (n_colons < 2 && !is_tuple && skip_symbol(":")) {
      ++n_colons;
    } else if (n_colons == 0 && bounds[0] && skip_symbol(",")) {
      is_tuple = true;
      keys->items.push_back(std::move(bounds[0]));
    } else if (!bounds[n_colons]) {
      bounds[n_colons] = expression();
    } else {
      fail("unexpected " + describe_current());
    }
  }
  take();
  if (n_colons > 0) {
    Link link(Link::Kind::slice, line);
    link.start = std::move(bounds[0]);
    link.stop = std::move(bounds[1]);
    link.step = std::move(bounds[2]);
    return link;
  }
  Link link(Link::Kind::item, line);
  if (bounds[0]) keys->items.push_back(std::move(bounds[0]));
  const bool is_single = keys->items.size() == 1 && !is_tuple;
  link.key = is_single ? std::move(keys->items[0]) : ExpressionPtr(std::move(keys));
  return link;
}

Link Parser::call() {
  Link link(Link::Kind::call, current().line);
  link.arguments = call_arguments();
  return link;
}

CallArguments Parser::call_arguments() {
  const int line = current().line;
  CallArguments arguments;
  expect_symbol("(");
  const auto ensure = [&](bool holds) {
    if (!holds) fail("invalid syntax for function call expression", line);
  };
  for (bool is_first = true; !at_symbol(")"); is_first = false) {
    if (!is_first) expect_symbol(",");
    if (!is_first && at_symbol(")")) break;
    if (skip_symbol("*")) {
      ensure(!arguments.all_positional && !arguments.all_named);
      arguments.all_positional = expression();
    } else if (skip_symbol("**")) {
      ensure(!arguments.all_named);
      arguments.all_named = expression();
    } else if (at(TokenKind::name) && following().kind == TokenKind::symbol && following().text == "=") {
      ensure(!arguments.all_named);
      const std::string name = take().text;
      take();
      const auto same = [&](const auto& named) { return named.first == name; };
      if (std::any_of(arguments.named.begin(), arguments.named.end(), same))
        fail("keyword argument repeated: " + name, line);
      arguments.named.emplace_back(name, expression());
    } else {
      ensure(!arguments.all_positional && !arguments.all_named && arguments.named.empty());
      arguments.positional.push_back(expression());
    }
  }
  take();
  return arguments;
}

std::string Parser::dotted_name() {
  std::string name = expect_name();
  while (skip_symbol(".")) name.append(1, '.').append(expect_name());
  return name;
}

Link Parser::filter() {
  Link link(Link::Kind::filter, current().line);
  link.name = dotted_name();
  link.filter = find_filter(link.name);
  if (at_symbol("(")) link.arguments = call_arguments();
  return link;
}

// The filters of a block, whose value is the block's text.
std::unique_ptr<PostfixExpression> Parser::block_filter() {
  auto node = std::make_unique<PostfixExpression>(current().line);
  do node->links.push_back(filter());
  while (skip_symbol("|"));
  return node;
}

Link Parser::test() {
  Link link(Link::Kind::test, take().line);
  link.negated = skip_name("not");
  link.name = dotted_name();
  link.test = find_test(link.name);
  const bool starts_argument = at(TokenKind::name) || at(TokenKind::string) || at(TokenKind::integer) ||
                               at(TokenKind::real) || at_symbol("[") || at_symbol("{");
  if (at_symbol("(")) {
    link.arguments = call_arguments();
  } else if (starts_argument && !at_name("else") && !at_name("or") && !at_name("and")) {
    if (at_name("is")) fail("You cannot chain multiple tests with is");
    const int line = current().line;
    ExpressionPtr argument = primary();
    std::vector<Link> links;
    postfixes(links);
    link.arguments.positional.push_back(with_links(std::move(argument), std::move(links), line));
  }
  return link;
}

}  // namespace tidemill::jinja
