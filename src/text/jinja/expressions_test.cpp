// Expressions, filters, tests and methods; expected texts are those of jinja2 3.1.6.

#include <gtest/gtest.h>

#include "text/jinja/outcome_for_test.h"

namespace tidemill::jinja {
namespace {

const char* const kVariables =
    R"({"s":"Hello World","q":"it's \"q\" <b>","t":"  a\nb ","u":"é漢🎉","z":"","n":7,"m":-3,"f":2.5,"b":true,"v":null,
"l":[3,1,2],"k":["b","A","c"],"e":[],"d":{"x":1,"y":"two","items":3},
"r":[{"role":"user","n":2},{"role":"tool","n":null},{"role":"user"}]})";

void expect_texts(TemplateCases cases) {
  jinja::expect_texts(cases, kVariables);
}

void expect_failures(std::initializer_list<const char*> sources) {
  jinja::expect_failures(sources, kVariables);
}

TEST(Expressions, Literals) {
  expect_texts({
      {"{{ 1 }} {{ 1.0 }} {{ 1e3 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 1e20 }} {{ 0.1 }} {{ 1e-7 }}",
       "1 1.0 1000.0 1000 31 3 15 1e+20 0.1 1e-07"},
      {"{{ true }} {{ False }} {{ none }}", "True False None"},
      {"{{ 'a' \"b\" }}", "ab"},
      {"{{ 'é\\u00e9\\x41\\101\\n|\\d|\\'' }}", "ééAA\n|\\d|'"},
      {"{{ [1, 'a', none, true, 1.5] }} {{ (1,) }} {{ () }} {{ {'a': 1, 2: [3]} }}",
       "[1, 'a', None, True, 1.5] (1,) () {'a': 1, 2: [3]}"},
      {"{{ 1, 2 }}", "(1, 2)"},
      {"{{ [[], {}, ''] }}", "[[], {}, '']"},
  });
}

TEST(Expressions, Arithmetic) {
  expect_texts({
      {"{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }}",
       "3 -4 1 2 3.5 1024 0.5"},
      {"{{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ -n + +m }} {{ true + 1 }}", "3 9 -10 2"},
      {"{{ f // 1 }} {{ f % 1 }} {{ -f % 1 }} {{ 1.0 * 3 }} {{ 7.5 // -2 }}", "2.0 0.5 0.5 3.0 -4.0"},
      {"{{ 'ab' * 3 }}{{ 0 * 'ab' }} {{ [1] * 2 + [2] }} {{ (1,) + (2,) }}", "ababab [1, 1, 2] (1, 2)"},
      {"{{ 1 ~ 'a' ~ none ~ [1] }}", "1aNone[1]"},
      {"{{ '%s=%05.2f %d%%' % ('x', f, n) }} {{ '%(a)s' % {'a': 1} }} {{ '%-4s|%4s|%x' % ('a', 'b', 255) }}",
       "x=02.50 7% 1 a   |   b|ff"},
  });
}

TEST(Expressions, Comparison) {
  expect_texts({
      {"{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 }} {{ 'a' == 'b' }} {{ [1] == [1] }} {{ (1,) == [1] }} {{ {'a': 1} "
       "== {'a': 1.0} }}",
       "True False True False True False True"},
      {"{{ 'lo' in s }} {{ 'x' in d }} {{ 3 in l }} {{ 4 not in l }} {{ none == undefinedname }}",
       "True True True True False"},
      {"{{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ true == 1 }}", "True True True"},
      {"{{ 0 or 'x' }} {{ 1 and '' }}| {{ not [] }} {{ none or false or 0 }} {{ 'a' if n > 3 else 'b' }}{{ 'a' if n < "
       "3 }}",
       "x | True 0 a"},
  });
}

TEST(Expressions, Attributes) {
  expect_texts({
      {"{{ d.x }} {{ d['y'] }} {{ d.items() | list }} {{ d['items'] }} {{ d.nope }}| {{ d.nope is defined }}",
       "1 two [('x', 1), ('y', 'two'), ('items', 3)] 3 | False"},
      {"{{ l[0] }} {{ l[-1] }} {{ l[9] }}| {{ l.0 }} {{ s[0] }} {{ s[-1] }} {{ u[1] }}", "3 2 | 3 H d 漢"},
      {"{{ s[1:4] }} {{ s[::-1] }} {{ s[-3:] }} {{ s[:-3:2] }} {{ l[1:] }} {{ l[::-1] }} {{ u[1:] }} {{ s[5:2] }}|",
       "ell dlroW olleH rld HloW [1, 2] [2, 1, 3] 漢🎉 |"},
      {"{{ v.foo }}| {{ n.real }} {{ d.__class__ }}| {{ d.pop is defined }} {{ l.append is defined }}",
       "| 7 | False False"},
      {"{{ d.get('x') }} {{ d.get('q') }} {{ d.get('q', 5) }} {{ d.keys() | list }} {{ d.values() | list }} {{ "
       "d.keys() }} {{ d.items() }}",
       "1 None 5 ['x', 'y', 'items'] [1, 'two', 3] dict_keys(['x', 'y', 'items']) dict_items([('x', 1), ('y', 'two'), "
       "('items', 3)])"},
  });
}

TEST(Expressions, StringMethods) {
  expect_texts({
      {"{{ s.upper() }} {{ s.lower() }} {{ s.swapcase() }} {{ 'ab cd'.title() }} {{ 'aB'.capitalize() }} {{ "
       "'straße'.upper() }} {{ 'ΑΣ'.lower() }}",
       "HELLO WORLD hello world hELLO wORLD Ab Cd Ab STRASSE ας"},
      {"{{ t.strip() }}|{{ t.lstrip() }}|{{ t.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ '\\u00a0a\\u2003'.strip() }}",
       "a\nb|a\nb |  a\nb|a|a"},
      {"{{ 'a b  c '.split() }} {{ 'a b  c '.split(none, 1) }} {{ 'a,b,,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} "
       "{{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b '.rsplit(none, 1) }}",
       "['a', 'b', 'c'] ['a', 'b  c '] ['a', 'b', '', 'c'] ['a', 'b,c'] ['a,b', 'c'] [' a', 'b']"},
      {"{{ 'a\\nb\\r\\nc\\x0bd\\u2028e'.splitlines() }} {{ 'a\\n'.splitlines(true) }}",
       "['a', 'b', 'c', 'd', 'e'] ['a\\n']"},
      {"{{ s.startswith('He') }} {{ s.startswith(('x', 'H')) }} {{ s.endswith('ld') }} {{ s.startswith('l', 2) }}",
       "True True True True"},
      {"{{ s.find('o') }} {{ s.find('o', 5) }} {{ s.find('x') }} {{ s.rfind('o') }} {{ s.count('l') }} {{ "
       "'aaa'.count('') }} {{ u.find('🎉') }}",
       "4 7 -1 7 3 4 2"},
      {"{{ s.replace('l', 'L') }} {{ s.replace('l', '', 1) }} {{ 'ab'.replace('', '-') }}",
       "HeLLo WorLd Helo World -a-b-"},
      {"{{ ','.join(k) }} {{ 'a-b'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'ab'.partition('x') }}",
       "b,A,c ('a', '-', 'b') ('a-b', '-', 'c') ('ab', '', '')"},
      {"{{ '5'.zfill(3) }} {{ '-5'.zfill(4) }} {{ 'ab'.center(7, '*') }} {{ 'ab'.ljust(4) }}| {{ 'ab'.rjust(4, '.') }}",
       "005 -005 ***ab** ab  | ..ab"},
      {"{{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ "
       "'ab1'.islower() }} {{ ''.isdigit() }} {{ 'Ab Cd'.istitle() }}",
       "True True True True True True False True"},
      {"{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }}", "bc ab"},
      {"{{ '{} {1}'.format is defined }} {{ '{0}-{1}-{0}'.format(n, f) }} {{ '{a[x]:>4}|{b!r:<6}|{:^5}'.format('m', "
       "a=d, b='q') }} {{ '{:,}|{:+.1f}|{:08.3f}|{:x}|{:#b}|{:.1%}'.format(1234567, f, -f, 255, 5, 0.25) }}",
       "True 7-2.5-7    1|'q'   |  m   1,234,567|+2.5|-002.500|ff|0b101|25.0%"},
  });
}

TEST(Expressions, Tests) {
  expect_texts({
      {"{{ s is string }} {{ n is number }} {{ n is integer }} {{ f is float }} {{ b is boolean }} {{ b is number }} "
       "{{ b is integer }} {{ v is none }}",
       "True True True True True True False True"},
      {"{{ d is mapping }} {{ l is mapping }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ d is "
       "iterable }} {{ n is iterable }} {{ undefinedname is sequence }}",
       "True False True True True True False True"},
      {"{{ n is odd }} {{ n is even }} {{ 9 is divisibleby 3 }} {{ n is eq 7 }} {{ n is ne(7) }} {{ n is gt 3 }} {{ n "
       "is le 3 }} {{ 'a' is in 'abc' }}",
       "True False True True False True False True"},
      {"{{ x is undefined }} {{ x is not defined }} {{ s is defined }} {{ true is true }} {{ 1 is true }} {{ b is "
       "sameas true }} {{ 'ab' is lower }} {{ 'AB' is upper }}",
       "True True True True False True True True"},
      {"{{ range is callable }} {{ s is callable }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }}",
       "True False True False True"},
  });
}

TEST(Expressions, TextFilters) {
  expect_texts({
      {"{{ ' x ' | trim }}| {{ s | upper }} {{ s | lower }} {{ 'heLLo woRLD' | title }} {{ 'hELLO' | capitalize }}",
       "x| HELLO WORLD hello world Hello World Hello"},
      {"{{ s | replace('o', '0') }} {{ s | replace('o', '0', 1) }} {{ n | string ~ 'x' }}",
       "Hell0 W0rld Hell0 World 7x"},
      {"{{ q | e }} {{ q | safe }} {{ ('<a>' | safe) + '<b>' }} {{ ('<a>' | safe) ~ '<b>' }} {{ q | escape | escape }}",
       "it&#39;s &#34;q&#34; &lt;b&gt; it's \"q\" <b> <a>&lt;b&gt; <a><b> it&#39;s &#34;q&#34; &lt;b&gt;"},
      {"{{ 'a\\nb\\n\\nc' | indent }}|{{ 'a\\nb' | indent(2, true) }}|{{ 'a\\n\\nb' | indent('> ', blank=true) }}",
       "a\n    b\n\n    c|  a\n  b|a\n> \n> b"},
      {"{{ 'hello world foo' | truncate(9) }} {{ 'hello world' | truncate(8, true, '…', 0) }} {{ 'a b-c' | wordcount "
       "}} {{ 'ab' | center(6) }}|",
       "hello... hello w… 3   ab  |"},
      {"{{ '%s:%s' | format(1, 'a') }} {{ 'a b&c/d' | urlencode }} {{ {'a': 'b c'} | urlencode }}",
       "1:a a%20b%26c/d a=b+c"},
      {"{{ s | length }} {{ u | length }} {{ s | first }}{{ s | last }} {{ 'abc' | reverse }} {{ 'abc' | list }}",
       "11 3 Hd cba ['a', 'b', 'c']"},
  });
}

TEST(Expressions, NumberFilters) {
  expect_texts({
      {"{{ '42' | int }} {{ '4.9' | int }} {{ 'x' | int }} {{ 'x' | int(9) }} {{ '1F' | int(base=16) }} {{ none | int "
       "}} {{ f | int }} {{ '1.5' | float }} {{ 'x' | float }}",
       "42 4 0 9 31 0 2 1.5 0.0"},
      {"{{ -3 | abs }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.567 | round(2) }} {{ 2.1 | round(0, 'ceil') }} {{ 2.9 "
       "| round(method='floor') }} {{ 1234 | round(-2) }}",
       "3 2.0 4.0 2.57 3.0 2.0 1200"},
      {"{{ undefinedname | default('d') }} {{ '' | default('d') }}| {{ '' | d('d', true) }} {{ none | d('x') }}",
       "d | d None"},
  });
}

TEST(Expressions, Json) {
  expect_texts({
      {"{{ d | tojson }} {{ [1, 2.0, none, true, 'é\"\\n\\x01'] | tojson }} {{ [] | tojson }} {{ {} | tojson }} {{ (1, "
       "2) | tojson }}",
       "{\"x\": 1, \"y\": \"two\", \"items\": 3} [1, 2.0, null, true, \"é\\\"\\n\\u0001\"] [] {} [1, 2]"},
      {"{{ {'a': [1, {'b': []}]} | tojson(indent=2) }}",
       "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ]\n}"},
      {"{{ {'b': 1, 'a': 'é😀'} | tojson(ensure_ascii=true, sort_keys=true) }} {{ {'a': 1} | tojson(separators=(',', "
       "':')) }} {{ [1, [2]] | tojson(indent='\\t') }}",
       "{\"a\": \"\\u00e9\\ud83d\\ude00\", \"b\": 1} {\"a\":1} [\n\t1,\n\t[\n\t\t2\n\t]\n]"},
      {"{{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ '<b>&' | tojson }} {{ 1e16 | tojson }}",
       "{\"1\": 4, \"null\": 3, \"1.5\": 5} \"<b>&\" 1e+16"},
  });
}

TEST(Expressions, SequenceFilters) {
  expect_texts({
      {"{{ l | join(',') }} {{ l | sort }} {{ k | sort }} {{ k | sort(case_sensitive=true) }} {{ l | "
       "sort(reverse=true) }} {{ l | sum }} {{ l | max }} {{ k | min }}",
       "3,1,2 [1, 2, 3] ['A', 'b', 'c'] ['A', 'b', 'c'] [3, 2, 1] 6 3 A"},
      {"{{ l | first }} {{ l | last }} {{ l | length }} {{ l | reverse | list }} {{ [1, 1, 2] | unique | list }} {{ e "
       "| first }}|",
       "3 2 3 [2, 1, 3] [1, 2] |"},
      {"{{ r | map(attribute='role') | join(',') }} {{ r | map(attribute='n', default=0) | list }} {{ k | map('upper') "
       "| list }} {{ k | map('replace', 'b', 'x') | list }}",
       "user,tool,user [2, None, 0] ['B', 'A', 'C'] ['x', 'A', 'c']"},
      {"{{ r | selectattr('n') | list }} {{ r | selectattr('role', 'eq', 'user') | list | length }} {{ r | "
       "rejectattr('n', 'defined') | list }} {{ l | select('odd') | list }} {{ l | reject('gt', 1) | list }} {{ [0, 1, "
       "'', 'a'] | select | list }}",
       "[{'role': 'user', 'n': 2}] 2 [{'role': 'user'}] [3, 1] [1] [1, 'a']"},
      {"{{ d | items | list }} {{ d | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'b': 1, 'A': 2} | "
       "dictsort(true) }} {{ d | list }}",
       "[('x', 1), ('y', 'two'), ('items', 3)] [('items', 3), ('x', 1), ('y', 'two')] [('b', 1), ('a', 2)] [('A', 2), "
       "('b', 1)] ['x', 'y', 'items']"},
      {"{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 0) | list }} {{ [1, 2, 3, 4, 5] | slice(2) | "
       "list }} {{ [1, 2, 3] | slice(2, 0) | list }}",
       "[[1, 2], [3, 4], [5]] [[1, 2], [3, 0]] [[1, 2, 3], [4, 5]] [[1, 2], [3, 0]]"},
      {"{% for role, items in r | groupby('role') %}{{ role }}:{{ items | length }} {% endfor %}{{ [[1], [2]] | "
       "sum(start=[]) }}{{ r | sum(attribute='n') if false }}",
       "tool:1 user:2 [1, 2]"},
      {"{% if r | selectattr('nope') %}generators are true{% endif %} {{ range(3) | list }} {{ range(5, 0, -2) | list "
       "}} {{ range(4) }}",
       "generators are true [0, 1, 2] [5, 3, 1] range(0, 4)"},
  });
}

TEST(Expressions, Globals) {
  expect_texts({
      {"{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner('|') "
       "%}{{ j() }}x{{ j() }}y",
       "ababx|y"},
      {"{{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ namespace(a=1).a }}", "{'a': 1, 'b': 2} {'x': 1} 1"},
      {"{{ strftime_now('%Y-%m-%d %H:%M:%S %a %B %j') }}", "2026-03-04 05:06:07 Wed March 063"},
  });
}

TEST(Expressions, RefusesWhatPythonRefuses) {
  expect_failures({
      "{{ 1 + 'a' }}",
      "{{ 'a' + 1 }}",
      "{{ 'a' + none }}",
      "{{ [1] + (2,) }}",
      "{{ x.y }}",
      "{{ x['y'] }}",
      "{{ x + 1 }}",
      "{{ x() }}",
      "{{ none + 1 }}",
      "{{ 1 / 0 }}",
      "{{ 1 % 0 }}",
      "{{ 1 < 'a' }}",
      "{{ none < 1 }}",
      "{{ 1 in 5 }}",
      "{{ 1 in 'a' }}",
      "{{ -'a' }}",
      "{{ s.nope() }}",
      "{{ s() }}",
      "{{ l.append(4) }}",
      "{{ d.update({}) }}",
      "{{ d.pop('x') }}",
      "{{ l.sort() }}",
      "{{ s.__class__.__mro__ }}",
      "{{ d[1:2] }}",
      "{{ n[0:1] }}",
      "{{ l['a':] }}",
      "{{ s[::0] }}",
      "{{ none | length }}",
      "{{ 5 | list }}",
      "{{ l | map('nope') | list }}",
      "{{ l | select('nope') | list }}",
      "{{ [1, 'a'] | sort }}",
      "{{ x | tojson }}",
      "{{ (l | map('string')) | tojson }}",
      "{{ ','.join([1]) }}",
      "{{ s.split('') }}",
      "{{ s.index('x') }}",
      "{{ '%d' % 'a' }}",
      "{{ '%s' % (1, 2) }}",
      "{{ '%s %s' % 1 }}",
      "{{ '{} {}'.format(1) }}",
      "{{ '{x}'.format() }}",
      "{{ {[]: 1} }}",
      "{{ s | truncate(1) }}",
      "{{ l | round }}",
      "{{ raise_exception('no') }}",
      "{{ range(1, 2, 0) }}",
      "{{ dict(1) }}",
      "{{ s | replace('a') }}",
      "{{ s | upper(1) }}",
      "{{ s is divisibleby(2) }}",
      "{{ s | default(nope=1) }}",
      "{{ namespace(1) }}",
      "{{ strftime_now() }}",
      "{{ l | batch }}",
      "{{ [1, 2] | map(attribute='a.b') | list }}",
  });
}

TEST(Expressions, NamesTheLineAndTheReason) {
  EXPECT_EQ(
      outcome("\n\n{{ nope.x }}"),
      "invalid_argument: chat template, line 3: 'nope' is undefined; change the conversation or use another template");
  EXPECT_NE(outcome("{{ [1].append(2) }}").find("access to attribute 'append' of 'list' object is unsafe"),
            std::string::npos);
  EXPECT_NE(outcome("{{ 'a'.translate({}) }}").find("'translate' of str is not supported"), std::string::npos);
}

TEST(Expressions, WholeNumbersHave64Bits) {
  EXPECT_EQ(outcome("{{ 9223372036854775807 }} {{ -9223372036854775807 - 1 }}"),
            "9223372036854775807 -9223372036854775808");
  for (const char* source : {"{{ 9223372036854775807 + 1 }}", "{{ 2 ** 63 }}", "{{ 4611686018427387904 * 2 }}",
                             "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
                             "{{ '99999999999999999999' | int }}", "{{ 1e19 | int }}"})
    EXPECT_NE(outcome(source).find("does not fit in 64 bits"), std::string::npos) << source;
  EXPECT_TRUE(outcome("{{ 9223372036854775808 }}").starts_with("bad_file"));
  EXPECT_TRUE(outcome("{{ x }}", R"({"x": 9223372036854775808})").starts_with("invalid_argument"));
}

}  // namespace
}  // namespace tidemill::jinja
