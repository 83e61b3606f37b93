// What a template may not do: take without end, nest without end, change or reach what is not its own.

#include <gtest/gtest.h>

#include "text/jinja/outcome_for_test.h"

namespace tidemill::jinja {
namespace {

std::string repeated(const std::string& text, int count) {
  std::string out;
  for (int k = 0; k < count; ++k) out += text;
  return out;
}

void expect_limit(const std::string& source, const std::string& limit) {
  const std::string result = outcome(source);
  EXPECT_TRUE(result.starts_with("bad_file: ")) << source.substr(0, 200) << ": " << result.substr(0, 200);
  EXPECT_NE(result.find(limit), std::string::npos) << source.substr(0, 200) << ": " << result.substr(0, 200);
}

TEST(Limits, TextsAreRefusedBeforeTheyAreMade) {
  for (const char* source :
       {"{{ 'a' * 10**9 }}", "{{ 'ab' * 10**18 }}", "{{ 'a' | center(10**9) }}", "{{ 'a'.ljust(10**10) }}",
        "{{ 'a'.zfill(10**10) }}", "{{ 'a\nb' | indent(10**9) }}", "{{ ('a' * 4000000) | replace('a', 'bb') }}",
        "{{ ('a' * 1000000) | replace('', 'xxxx') }}", "{{ range(100000) | join('x' * 1000) }}",
        "{{ [[1]] | tojson(indent=10000000) }}", "{{ ('&' * 2000000) | e }}", "{{ strftime_now('%c' * 1000000) }}",
        "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}"})
    expect_limit(source, "a text longer than 4 MiB");
  expect_limit("{{ '%999999999d' % 1 }}", "a width or precision above");
  expect_limit("{{ '{:>{w}}'.format('a', w=10**9) }}", "a width or precision above");
}

TEST(Limits, ValuesAreRefusedBeforeTheyAreMade) {
  for (const char* source :
       {"{{ [0] * 10**9 }}", "{{ (1, 2) * 2**61 }}", "{{ [1] | slice(10**9) | list }}",
        "{{ [1] | batch(10**12, 'x') | list }}", "{{ ('a ' * 2000000).split() }}",
        "{% set ns = namespace(x=[]) %}{% for i in range(999) %}{% set ns.x = ns.x + ['a' * 1000000] %}{% endfor %}"})
    expect_limit(source, "need more than 32 MiB");
  expect_limit("{{ range(100001) }}", "a range of more than 100000");
  EXPECT_EQ(outcome("{{ '' * 10**18 }}{{ [] * 10**18 }}"), "[]");
}

TEST(Limits, Steps) {
  for (const char* source :
       {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "{% set l = range(99999) | list %}{% for i in l %}{{ -1 in l }}{% endfor %}",
        "{% set s = 'a' * 4000000 %}{% for i in range(99999) %}{{ 'b' in s }}{% endfor %}",
        "{{ ('a' * 2000000).find('a' * 1000000 ~ 'b') }}",
        "{% set ns = namespace(x='a' * 1000000) %}{% for i in range(9000) %}{% set ns.x = ns.x ~ 'a' %}{% endfor %}",
        ("{% set ns = namespace(x=[], y=[]) %}{% for i in range(90) %}{% set ns.x = [ns.x, ns.x] %}"
         "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}"),
        "{% set s = ['a' * 1000000] %}{% for i in range(99999) %}{% set x = s | string %}{% endfor %}",
        "{% set s = 'a' * 4000000 %}{% for i in range(99999) %}{% set x = s.count('a') %}{% endfor %}",
        "{% set l = range(99999) | list %}{% for i in l %}{% set x = l == l %}{% endfor %}",
        "{% set s = '1' * 4000000 %}{% for i in range(99999) %}{% set x = s | float %}{% endfor %}"})
    expect_limit(source, "more than 1000000 steps");
}

TEST(Limits, NestingOfTheSource) {
  for (const char* open : {"(", "[", "{1:", "not ", "-", "f(", "x["}) {
    expect_limit("{{ " + repeated(open, 70) + "1", "nested deeper than 64");
    expect_limit("{{ " + repeated(open, 30000) + "1", "nested deeper than 64");
  }
  expect_limit(repeated("{% if 1 %}", 70), "nested deeper than 64");
  EXPECT_EQ(outcome("{{ " + repeated("(", 50) + "1" + repeated(")", 50) + " }}"), "1");
  EXPECT_EQ(outcome(repeated("{% if 1 %}", 50) + "x" + repeated("{% endif %}", 50)), "x");
}

TEST(Limits, LongChainsAreNotDeep) {
  EXPECT_EQ(outcome("{{ 0" + repeated(" + 1", 20000) + " }}"), "20000");
  EXPECT_EQ(outcome("{{ ''" + repeated(" ~ 1", 3) + repeated(" ~ ''", 20000) + " }}"), "111");
  EXPECT_EQ(outcome("{{ 'a'" + repeated(" | trim", 20000) + " }}"), "a");
  EXPECT_EQ(outcome("{{ 1" + repeated(" and 1", 20000) + " }}"), "1");
  EXPECT_EQ(outcome("{% if 0 %}" + repeated("{% elif 0 %}", 5000) + "{% else %}x{% endif %}"), "x");
  expect_limit("{{ 0" + repeated("+1", 60000) + " }}", "more than 100000 names");
}

TEST(Limits, NestingOfCallsAndValues) {
  expect_limit("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nested deeper than 64");
  expect_limit("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nested deeper than 64");
  expect_limit("{% macro f(x=f()) %}{% endmacro %}{{ f() }}", "nested deeper than 64");
  expect_limit("{% macro f() %}{% call f() %}{% endcall %}{{ caller }}{% endmacro %}{{ f() }}",
               "nested deeper than 64");
  expect_limit("{% set ns = namespace(x=[]) %}{% for i in range(999) %}{% set ns.x = [ns.x] %}{% endfor %}",
               "values nested");
  expect_limit(
      "{% set ns = namespace(x=[]) %}{% for i in range(999) %}{% set ns.x = ns.x | map('string') %}{% endfor %}",
      "nested too deeply");
  expect_limit(
      "{% set ns = namespace(x=()) %}{% for i in range(90) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}"
      "{{ {ns.x: 1} }}",
      "too large to be a key");
  EXPECT_TRUE(outcome("{{ x }}", R"({"x": )" + repeated("[", 99999)).starts_with("invalid_argument: "));
}

// Also for the leak sanitizer: namespaces, loops and macros that refer to themselves.
TEST(Limits, CirclesAreCutAndNeverFollowedWithoutEnd) {
  expect_limit("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "nested deeper than 600");
  EXPECT_EQ(outcome("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns == ns.a[0] }}"), "True");
  EXPECT_EQ(
      outcome("{% set ns = namespace() %}{% for x in [[1], 2] recursive %}{% set ns.l = loop %}{% set me = loop %}"
              "{{ loop(x) if x is iterable }}{% macro m() %}{{ me }}{% endmacro %}{% set ns.m = m %}{% endfor %}"
              "{{ ns.l is callable }}"),
      "True");
  EXPECT_EQ(outcome("{% for i in [1, 2] %}{{ loop.changed([loop]) }}{% endfor %}"), "TrueFalse");
  EXPECT_EQ(outcome("{% set ns = namespace() %}{% macro f() %}{% macro g() %}{% endmacro %}{% set ns.g = g %}"
                    "{% endmacro %}{% for i in range(9) %}{{ f() }}{% endfor %}ok"),
            "ok");
  expect_limit(
      "{% set ns = namespace(x=none) %}{% for i in range(9000) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}"
      "{{ ns }}",
      "nested deeper than 600");
  EXPECT_TRUE(outcome("{% macro f(l) %}{% macro g() %}{% endmacro %}{% for i in [1] if i %}{{ loop.changed(loop) }}"
                      "{{ 1 / 0 }}{% endfor %}{% endmacro %}{{ f(1) }}")
                  .starts_with("invalid_argument: "));
}

TEST(Limits, NothingBehindTheValuesIsReached) {
  for (const char* source : {"{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ [].__class__ }}",
                             "{{ range.__globals__ }}", "{{ namespace.__init__ }}", "{{ '' | attr('__class__') }}"})
    EXPECT_EQ(outcome(source), "") << source;
  for (const char* source :
       {"{{ ''.__class__.__mro__ }}", "{{ range.__globals__['os'] }}", "{{ '{0.__class__.x}'.format(1) }}",
        "{{ [1].pop() }}", "{{ {}.update(a=1) }}", "{% set d = {} %}{% set d.x = 1 %}"})
    EXPECT_TRUE(outcome(source).starts_with("invalid_argument: ")) << source << outcome(source);
}

TEST(Limits, SourcesThatAreNoTemplates) {
  EXPECT_TRUE(outcome(std::string((1 << 20) + 1, 'a')).starts_with("bad_file: chat template: longer than 1 MiB"));
  EXPECT_TRUE(outcome("a\xFFz").starts_with("bad_file: chat template: is not UTF-8"));
  EXPECT_EQ(outcome(std::string(1 << 20, 'a')).size(), size_t{1} << 20);
}

TEST(Limits, VariablesThatAreNoVariables) {
  for (const char* variables :
       {"", "[]", "1", "{", "{\"a\":}", "{\"a\":1}x", "{\"a\":\"\xFF\"}", "{\"a\":\"\\ud800\"}", "null"})
    EXPECT_TRUE(outcome("x", variables).starts_with("invalid_argument: chat template: the variables ")) << variables;
  try {
    ChatTemplate("x").render("{}", {.now = "yesterday"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace tidemill::jinja
