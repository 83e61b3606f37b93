// Statements, scopes and whitespace; expected texts are those of jinja2 3.1.6.

#include <gtest/gtest.h>

#include "text/jinja/outcome_for_test.h"

namespace tidemill::jinja {
namespace {

const char* const kVariables = R"({"s":"S","l":[1,2,3],"k":["a","b"],"d":{"x":1,"y":2},"e":[],"n":2})";

void expect_texts(TemplateCases cases) {
  jinja::expect_texts(cases, kVariables);
}

void expect_failures(std::initializer_list<const char*> sources) {
  jinja::expect_failures(sources, kVariables);
}

void expect_syntax_errors(std::initializer_list<const char*> sources) {
  for (const char* source : sources)
    EXPECT_TRUE(outcome(source, kVariables).starts_with("bad_file: chat template, line 1: "))
        << source << ": " << outcome(source, kVariables);
}

TEST(Statements, Whitespace) {
  expect_texts({
      {"a\n{% if true %}\nb\n{% endif %}\nc", "a\nb\nc"},
      {"  {% if true %}  \n  b {% endif %} c", "  \n  b  c"},
      {"a {%- if true -%} b {%- endif -%} c", "abc"},
      {"a\n  {%+ if true %}b{% endif +%}\nc", "a\n  b\nc"},
      {"{{ 1 }}\n{{- 2 -}}\n{{ 3 }}", "123"},
      {"a\n\n", "a\n"},
      {"a\r\nb\rc\n", "a\nb\nc"},
      {"x{# note #}y\n{# note #}\nz", "xy\nz"},
      {"x {#- note -#} y", "xy"},
      {"{% raw %}{{ a }}{% b %}{% endraw %}|{%- raw -%} x {%- endraw -%} |", "{{ a }}{% b %}|x|"},
      {"  {{ 1 }}  \n  {% set a = 1 %}\n{{ a }}\n\n\n", "  1  \n1\n\n"},
      {"\t{% set a = 1 +%}\n{{ a }}", "\n1"},
      {"{% if true -%}\n\n  a\n{%- endif %}\nb", "ab"},
  });
}

TEST(Statements, If) {
  expect_texts({
      {"{% if n == 1 %}a{% elif n == 2 %}b{% else %}c{% endif %}", "b"},
      {"{% if e %}a{% elif nope %}b{% endif %}|", "|"},
      {"{% if n > 1 and not e %}{% if l %}x{% endif %}{% endif %}", "x"},
      {"{% if '' %}a{% else %}{% if 0.0 %}b{% else %}c{% endif %}{% endif %}", "c"},
  });
}

TEST(Statements, Loops) {
  expect_texts({
      {"{% for x in l %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}",
       "1/3:1,2/3:2,3/3:3"},
      {"{% for x in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.previtem }}{{ "
       "loop.nextitem }}{{ loop.cycle('o', 'e') }} {% endfor %}",
       "032True2o 121False13e 210False2o "},
      {"{% for x in e %}{{ x }}{% else %}empty{% endfor %}", "empty"},
      {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'aé' "
       "%}{{ c }}.{% endfor %}",
       "x=1;y=2;xya.é."},
      {"{% for x in l if x != 2 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %}", "1:1/2 2:3/2 "},
      {"{% for x in l %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}|{% for x in l %}{% if x == 2 %}{% "
       "break %}{% endif %}{{ x }}{% endfor %}",
       "13|1"},
      {"{% for x in l %}{% break %}{% else %}as if empty{% endfor %}", "as if empty"},
      {"{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123"},
      {"{% for x in l %}{% for y in k %}{{ loop.index }}{{ y }}{% endfor %}{{ loop.index }} {% endfor %}",
       "1a2b1 1a2b2 1a2b3 "},
      {"{% for x in [1, 1, 2, 2] %}{{ loop.changed(x) }} {% endfor %}", "True False True False "},
      {"{% for x in nope %}x{% else %}none{% endfor %}", "none"},
      {"{% for x in l | reverse %}{{ x }}{{ loop.last }}{% endfor %}{% for x in l | map('string') %}{{ loop.length "
       "}}{% endfor %}",
       "3False2False1True333"},
      {"{% for x in range(3) %}{{ x }}{% endfor %}{{ x }}|", "012|"},
  });
}

TEST(Statements, RecursiveLoops) {
  expect_texts({
      {"{% for x in [1, [2, [3, 4]], 5] recursive %}{{ loop.depth }}{{ loop(x) if x is sequence else x }},{% endfor %}",
       "11,122,233,34,,,15,"},
      {"{% set q = 1 %}{% for x in [1, [2, 3]] recursive %}{% set q = q + 1 %}{{ q }}{{ loop(x) if x is iterable }}"
       "{% else %}E{% endfor %}{{ q }}",
       "22221"},
      {"{% for x in [1, [2, []]] if x recursive %}{{ loop(x) if x is iterable else loop.index0 }}{% else %}none"
       "{% endfor %}",
       "00"},
      {"{% for x in [[1, 2]] recursive %}{% set l = loop %}{% for y in [x] %}{{ l(y) if y is iterable }}{{ y }}"
       "{% endfor %}{% endfor %}",
       "12[1, 2]"},
      {"{% for x in [[[1]]] recursive %}{% macro m(a) %}<{{ a }}{{ x }}>{% endmacro %}{{ m(1) }}"
       "{{ loop(x) if x is iterable }}{{ m(2) }}{% endfor %}",
       "<1[[1]]><1[1]><11><21><2[1]><2[[1]]>"},
      {"{% macro t(n) %}{% for k in n recursive %}{{ n | length }}{{ loop(k) if k is iterable }}{% endfor %}"
       "{% endmacro %}{{ t([[[]], []]) }}",
       "222"},
      {"{% for k, v in {'a': {'b': {'c': 1}}}.items() recursive %}{{ k }}({{ loop(v.items()) if v is mapping else v }})"
       "{% endfor %}",
       "a(b(c(1)))"},
  });
}

TEST(Statements, Scopes) {
  expect_texts({
      {"{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "1231"},
      {"{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2"},
      {"{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "6"},
      {"{% for i in l %}{{ s }}{% set s = i %}{{ s }} {% endfor %}{{ s }}", "S1 S2 S3 S"},
      {"{% for i in l %}{% if i > 1 %}{% set s = i %}{% endif %}{{ s }}{% endfor %}", "S23"},
      {"{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set a, b = b, a %}{{ a }}{{ b }}", "1221"},
      {"{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a + ns.b }}", "3"},
      {"{% set x %}a{{ 1 }}b{% endset %}{{ x }}{% set x | upper %} a {% endset %}{{ x }}", "a1b A "},
      {"{% with a = 1, b = n %}{{ a }}{{ b }}{% set s = 5 %}{{ s }}{% endwith %}{{ a }}{{ s }}", "125S"},
      {"{% generation %}{% set s = 3 %}{{ s }}{% endgeneration %}{{ s }}", "3S"},
      {"{% macro f() %}{{ y }}{% endmacro %}{% set y = 1 %}{{ f() }}{% set y = 2 %}{{ f() }}", "12"},
      {"{% macro f() %}{% set s = 9 %}{{ s }}{% endmacro %}{{ f() }}{{ s }}", "9S"},
      {"{{ y }}{% set y = 1 %}{{ y }}", "1"},
  });
}

TEST(Statements, Macros) {
  expect_texts({
      {"{% macro f(a, b='d', c=none) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ f(1) }}{{ f(1, 2) }}{{ f(a=1, c=3) }}{{ "
       "f() }}{{ f(*[1, 2]) }}{{ f(**{'a': 5}) }}",
       "[1dNone][12None][1d3][dNone][12None][5dNone]"},
      {"{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, x=3) }}", "(1, 2){'x': 3}"},
      {"{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210"},
      {"{% macro w(a) %}<{{ caller(a) }}>{% endmacro %}{% call(x) w(5) %}in {{ x }}{{ s }}{% endcall %}", "<in 5S>"},
      {"{% macro w() %}<{{ caller() if caller is defined and caller }}>{% endmacro %}{{ w() }}{% call w() %}b{% "
       "endcall %}",
       "<><b>"},
      {"{% macro f(a, b=a ~ '!') %}{{ b }}{% endmacro %}{{ f('x') }}", "x!"},
      {"{% macro f(a) %}{{ a is defined }}{% endmacro %}{{ f() }}{{ f(none) }}{{ f.name }} {{ f.arguments }} {{ f }}",
       "FalseTruef ('a',) <Macro 'f'>"},
      {"{% macro o() %}{% macro i() %}{{ v }}{% endmacro %}{% set v = 1 %}{{ i() }}{% endmacro %}{{ o() }}", "1"},
      {"{% macro f(x) %}{{ x | upper }}{% endmacro %}{{ k | map('upper') | join }}{{ f(f('a') ~ 'b') }}", "ABAB"},
  });
}

TEST(Statements, FilterBlocks) {
  expect_texts({
      {"{% filter upper %}a{{ s | lower }}{% endfilter %}", "AS"},
      {"{% filter trim | replace('a', 'b') %}  aa  {% endfilter %}|", "bb|"},
  });
}

TEST(Statements, RefusesBadSyntax) {
  expect_syntax_errors({
      "{% if %}",
      "{% if 1 %}",
      "{% endif %}",
      "{% nope %}",
      "{{ 1 + }}",
      "{{ 'a }}",
      "{{ (1 }}",
      "{{ 1) }}",
      "{{ a b }}",
      "{% for x %}{% endfor %}",
      "{% for 1 in l %}{% endfor %}",
      "{% set 1 = 2 %}",
      "{% set none = 2 %}",
      "{% set x %}",
      "{{ x | nope }}",
      "{{ x is nope }}",
      "{% break %}",
      "{% macro f() %}{% break %}{% endmacro %}",
      "{% for x in l %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
      "{% macro f(a=1, b) %}{% endmacro %}",
      "{% call s %}{% endcall %}",
      "{% for loop in l %}{% endfor %}",
      "{% for x in l %}{% for y in e recursive %}{% else %}{% break %}{% endfor %}{% endfor %}",
      "{% raw %} x",
      "{# x",
      "{{ \"\\x4\" }}",
      "{{ 1 is odd is even }}",
      "{{ f(a=1, 2) }}",
      "{{ f(a=1, a=2) }}",
      "{{ @ }}",
      "{{ a! }}",
      "{% include 'x' %}",
      "{% extends 'x' %}",
      "{{ }}",
      "{% %}",
  });
}

TEST(Statements, RefusesWhatJinjaRefusesWhenItRuns) {
  expect_failures({
      "{% for x in 5 %}{% endfor %}",
      "{% for x in none %}{% endfor %}",
      "{% for a, b in l %}{% endfor %}",
      "{% set a, b = 1 %}",
      "{% set a, b = [1, 2, 3] %}",
      "{% set s.x = 1 %}",
      "{% set nope.x = 1 %}",
      "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}",
      "{% macro f(a) %}{% endmacro %}{{ f(b=1) }}",
      "{% macro f() %}{{ caller() }}{% endmacro %}{{ f() }}",
      "{% filter length %}a{% endfilter %}",
      "{% if true %}{{ s | nope }}{% endif %}",
      "{% for x in l %}{{ loop(1) }}{% endfor %}",
      "{% for x in l recursive %}{{ loop(x) }}{% endfor %}",
      "{% for x in l recursive %}{{ loop() }}{% endfor %}",
      "{% for x in [l] recursive %}{% for y in x %}{{ loop(y) }}{% endfor %}{% endfor %}",
  });
}

TEST(Statements, SyntaxErrorsNameTheLine) {
  EXPECT_EQ(outcome("a\n{% if x %}\n{{ y z }}{% endif %}"),
            "bad_file: chat template, line 3: expected the end of the tag, got 'z'; correct the template");
  EXPECT_EQ(outcome("{% if x %}\n\n"),
            "bad_file: chat template, line 2: the template ends inside a block; add {% endif %}; correct the template");
}

TEST(Statements, MessagesOfTheTemplateReachTheCaller) {
  EXPECT_EQ(outcome("{% for m in messages %}\n{{ raise_exception('no ' ~ m) }}{% endfor %}", R"({"messages": ["x"]})"),
            "invalid_argument: chat template, line 2: no x; change the conversation or use another template");
}

TEST(Statements, MacrosThatOutliveTheirMacroKeepTheirVariables) {
  EXPECT_EQ(outcome("{% set ns = namespace() %}{% macro o(x) %}{% macro i() %}{{ x }}{% endmacro %}"
                    "{% set ns.f = i %}{% endmacro %}{{ o(5) }}{{ ns.f() }}"),
            "5");
}

}  // namespace
}  // namespace tidemill::jinja
