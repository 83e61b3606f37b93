#include "text/jinja/lexer.h"

#include <gtest/gtest.h>

#include "text/jinja/runtime.h"

namespace tidemill::jinja {
namespace {

// Tokens as text: data in angle brackets, tags as they are.
std::string cut(std::string_view source) {
  std::string out;
  for (const Token& token : tokenize(source)) {
    switch (token.kind) {
      case TokenKind::data:
        out += "<" + token.text + ">";
        break;
      case TokenKind::block_begin:
        out += "{%";
        break;
      case TokenKind::block_end:
        out += " %}";
        break;
      case TokenKind::variable_begin:
        out += "{{";
        break;
      case TokenKind::variable_end:
        out += " }}";
        break;
      case TokenKind::end:
        break;
      default:
        out += " " + token.text;
    }
  }
  return out;
}

TEST(Lexer, SpaceAroundTags) {
  const std::pair<const char*, const char*> cases[] = {
      {"a {% x %} b", "<a >{% x %}< b>"},
      {"a \n  {% x %}\n b", "<a \n>{% x %}< b>"},  // indentation before and the line end behind a block go
      {"a \n  {%+ x +%}\n b", "<a \n  >{% x %}<\n b>"},
      {"a \n  {%- x -%}\n b", "<a>{% x %}<b>"},
      {"a \n  {{ x }}\n b", "<a \n  >{{ x }}<\n b>"},
      {"a \n  {{- x -}}\n b", "<a>{{ x }}<b>"},
      {"a \n  {# x #}\n b", "<a \n>< b>"},
      {"a \n  {#- x -#}\n b", "<a><b>"},
      {"  {% x %}  {% y %}", "{% x %}<  >{% y %}"},
      {"{% x %}\n  {% y %}", "{% x %}{% y %}"},
      {"a\r\nb\rc\n", "<a\nb\nc>"},
      {"a\n\n", "<a\n>"},
      {"a\u00a0\u3000{%- x %}", "<a>{% x %}"},
      {"{ {% x %} }", "<{ >{% x %}< }>"}};
  for (const auto& [source, tokens] : cases) EXPECT_EQ(cut(source), tokens) << source;
}

TEST(Lexer, RawBlocks) {
  EXPECT_EQ(cut("a {% raw %} {{ b }} {% endraw %} c"), "<a >< {{ b }} >< c>");
  EXPECT_EQ(cut("a {%- raw -%} b {%- endraw -%} c"), "<a><b><c>");
  EXPECT_EQ(cut("{% raw %}\n  {% endraw %}\nc"), "<\n><c>");
  EXPECT_EQ(cut("{% rawx %}"), "{% rawx %}");
}

TEST(Lexer, Tokens) {
  EXPECT_EQ(cut("{{ a.b['c']|d(1, 2.5, x=1e3) is not e ~ f ** 2 // 3 != 4 }}"),
            "{{ a . b [ c ] | d ( 1 , 2.5 , x = 1e3 ) is not e ~ f ** 2 // 3 != 4 }}");
  EXPECT_EQ(cut("{{ {'a': {}}}}"), "{{ { a : { } } }}");
  EXPECT_EQ(cut("{{ '}}' ~ \"%}\" }}"), "{{ }} ~ %} }}");
  EXPECT_EQ(cut("{{ 1_000 0x1F 0b1 0o7 00 1.5e-3 a.1.5 caf\u00e9 }}"),
            "{{ 1000 0x1F 0b1 0o7 00 1.5e-3 a . 1 . 5 caf\u00e9 }}");
}

TEST(Lexer, Lines) {
  std::vector<int> lines;
  for (const Token& token : tokenize("a\n{{ b\n}}\n{# c\n#}\n{%- d %}{{ '\n' }}"))
    if (token.kind == TokenKind::name || token.kind == TokenKind::string) lines.push_back(token.line);
  EXPECT_EQ(lines, (std::vector<int>{2, 6, 6}));
}

TEST(Lexer, Escapes) {
  EXPECT_EQ(unescape_literal("a\\n\\t\\\\\\'\\\"\\x41\\101\\u00e9\\U0001f389\\d\\\nz", 1),
            "a\n\t\\'\"AA\u00e9\U0001f389\\dz");
  EXPECT_EQ(unescape_literal("\u00e9\\\u00e9", 1), "\u00e9\\xe9");  // as Python's codec does it
  for (const char* literal : {"\\x4", "\\u12", "\\U00110000", "\\ud800", "\\N{BULLET}"})
    EXPECT_THROW(unescape_literal(literal, 1), Failure) << literal;
}

TEST(Lexer, Errors) {
  for (const char* source : {"{# x", "{% raw %}x", "{{ 'a }}", "{{ ) }}", "{{ (] }}", "{{ a $ b }}", "{{ ! }}"})
    EXPECT_THROW(tokenize(source), Failure) << source;
}

}  // namespace
}  // namespace tidemill::jinja
