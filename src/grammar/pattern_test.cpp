#include "grammar/pattern.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grammar/grammar_for_test.h"
#include "grammar/json_schema.h"
#include "tidemill/grammar.h"

namespace tidemill::grammar {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

Automaton automaton_of(const json& schema) {
  Rules rules;
  const RuleId root = read_json_schema(schema.dump(), rules);
  return Automaton(compile(rules, root));
}

std::string problem(const json& schema) {
  try {
    automaton_of(schema);
    return "";
  } catch (const GrammarError& error) {
    return error.what();
  }
}

// Whether strings satisfy a schema, given as values.
void expect_strings(json schema, const Texts& in, const Texts& out) {
  schema["type"] = "string";
  Automaton automaton = automaton_of(schema);
  for (const std::string& text : in) EXPECT_TRUE(accepts(automaton, json(text).dump())) << schema << "\n" << text;
  for (const std::string& text : out) EXPECT_FALSE(accepts(automaton, json(text).dump())) << schema << "\n" << text;
}

void expect_pattern(const std::string& pattern, const Texts& in, const Texts& out) {
  expect_strings({{"pattern", pattern}}, in, out);
}

TEST(Pattern, MatchesSomewhereUnlessAnchored) {
  expect_pattern("b+", {"b", "abc", "\n\"b"}, {"", "a"});
  expect_pattern("^b", {"b", "bcd"}, {"", "ab"});
  expect_pattern("b$", {"b", "ab"}, {"", "ba"});
  expect_pattern("^b$", {"b"}, {"", "bb"});
  expect_pattern("^a|b$", {"ax", "xb"}, {"xa", "bx"});
  expect_pattern("(^a|b$)", {"ax", "xb"}, {"xa", "bx"});
  expect_pattern("^(a|b)$", {"a", "b"}, {"ab"});
  expect_pattern("", {"", "x"}, {});
  expect_pattern("^$", {""}, {"x"});
}

TEST(Pattern, ClassesAndEscapes) {
  expect_pattern(R"(^\d{3}-\w+$)", {"123-a_9"}, {"12-a", "123-", "123-\u00e9"});
  expect_pattern(R"(^[\w.-]+\s?$)", {"a.b-c ", "x"}, {"a b", ""});
  expect_pattern(R"(^\D\W\S$)", {"a-b"}, {"1-b", "aab", "a- "});
  expect_pattern(R"(^[^"\\]$)", {"a", "\n"}, {"\"", "\\"});
  expect_pattern(R"(^["\\\n/]+$)", {"\"\\\n/"}, {"a"});
  expect_pattern(R"(^[\u00e0-\u00ff\x41]$)", {"\xC3\xA9", "A"}, {"B"});
  expect_pattern(R"(^\p{Lu}\p{L}*$)",
                 {"Stra\xC3\x9F"
                  "e"},
                 {"stra", "A1"});
  expect_pattern(R"(^.$)", {"a", "\xF0\x9F\x98\x80"}, {"\n", ""});
  expect_pattern(R"(^a{,2}{$)", {"a{,2}{"}, {"aa"});
  expect_pattern(R"(^(?<year>[0-9]{4})(?:x|yz)*?$)", {"1999", "1999xyz"}, {"199"});
  expect_pattern("^\xC3\xA9+$", {"\xC3\xA9\xC3\xA9"}, {"e"});
}

TEST(Pattern, IsJoinedWithLengths) {
  const auto of = [](const char* pattern, int min, int max) {
    return json{{"pattern", pattern}, {"minLength", min}, {"maxLength", max}};
  };
  expect_strings(of("^[a-z]+$", 2, 3), {"ab", "abc"}, {"a", "abcd", "AB"});
  expect_strings(of("^[a-z]{2,5}$", 1, 10), {"ab", "abcde"}, {"a"});
  expect_strings(of("^ab", 3, 4), {"abc", "abcd"}, {"ab", "abcde"});
  expect_strings(of("ab$", 0, 3), {"ab", "xab"}, {"xxab"});
  expect_strings({{"pattern", "^\\S+$"}, {"maxLength", 10000}}, {std::string(10000, 'x')}, {std::string(10001, 'x')});
  EXPECT_EQ(problem({{"pattern", "a+"}, {"maxLength", 5}}),
            "grammar: pattern: cannot be joined with minLength or maxLength here; say the length in the pattern, as in "
            "^[a-z]{2,9}$");
}

TEST(Pattern, RefusesWithItsPath) {
  const auto problem_of = [](const std::string& pattern) {
    return problem({{"properties", {{"a", {{"pattern", pattern}}}}}});
  };
  const std::string start = "grammar: properties.a.pattern: at character ";
  EXPECT_EQ(problem_of("(?=a)b"), start + "3: looking ahead or behind, and flags, cannot be enforced");
  EXPECT_EQ(problem_of("(a)\\1"), start + "6: '\\1' cannot be enforced");
  EXPECT_EQ(problem_of("\\bword"), start + "3: '\\b' cannot be enforced");
  EXPECT_EQ(problem_of("(a"), start + "3: a group has no ')'");
  EXPECT_EQ(problem_of("a)"), start + "2: ')' without '('");
  EXPECT_EQ(problem_of("[z-a]"), start + "5: is no range of characters");
  EXPECT_EQ(problem_of("*a"), start + "1: there is nothing to repeat");
  EXPECT_EQ(problem_of("a$b"), start + "3: nothing can follow '$'");
  EXPECT_EQ(problem_of("x(^a)y"), start + "7: '^' and '$' are only for the ends of a pattern");
  EXPECT_NE(problem_of(std::string(5000, '(')), "");
  EXPECT_NE(problem_of("((((a*){99999})*){99999})"), "");
}

TEST(Format, Values) {
  const auto expect_format = [](const char* format, const Texts& in, const Texts& out) {
    expect_strings({{"format", format}}, in, out);
  };
  expect_format("date", {"2024-12-31", "1999-02-28"}, {"2024-13-01", "2024-02-30", "2024-04-31", "0000-01-01"});
  expect_format("time", {"23:59:59Z", "00:00:00.5+01:00"}, {"24:00:00Z", "12:00:00"});
  expect_format("date-time", {"2024-12-31T23:59:59Z"}, {"2024-12-31", "2024-12-31 23:59:59Z"});
  expect_format("duration", {"P1Y2M3DT4H5M6S", "PT5M", "P3W", "P1D"}, {"P", "PT", "1D"});
  expect_format("uuid", {"123e4567-e89b-12d3-a456-426614174000"}, {"123e4567e89b12d3a456426614174000"});
  expect_format("ipv4", {"0.0.0.0", "255.254.10.1"}, {"256.0.0.1", "1.2.3", "01.2.3.4"});
  expect_format("ipv6", {"::1", "::", "fe80::1:2", "1:2:3:4:5:6:7:8", "1::"}, {":::", "1:2:3:4:5:6:7:8:9", "g::"});
  expect_format("hostname", {"a.example.org", "x"}, {"-a", "a..b", ""});
  expect_format("email", {"a.b@example.org"}, {"a@", "@b", "a b@c"});
  expect_format("uri", {"https://example.org/a?b=c#d"}, {"example.org", "http://"});
  EXPECT_TRUE(problem({{"format", "iri"}}).starts_with("grammar: format: 'iri' cannot be enforced; leave it out"));
}

TEST(NumberRange, WholeNumbersAgreeWithComparing) {
  for (const auto& [low, high] : std::vector<std::pair<int, int>>{
           {0, 0}, {0, 7}, {3, 12}, {9, 111}, {-5, 5}, {-120, -9}, {-1, 0}, {99, 100}, {57, 1234}}) {
    Automaton both = automaton_of({{"type", "integer"}, {"minimum", low}, {"maximum", high}});
    Automaton open =
        automaton_of({{"type", "integer"}, {"exclusiveMinimum", low - 0.5}, {"exclusiveMaximum", high + 1}});
    Automaton above = automaton_of({{"type", "integer"}, {"minimum", low}});
    Automaton below = automaton_of({{"type", "integer"}, {"exclusiveMaximum", high}});
    for (int value = -1300; value <= 1300; ++value) {
      const std::string text = std::to_string(value);
      EXPECT_EQ(accepts(both, text), low <= value && value <= high) << low << " " << high << " " << value;
      EXPECT_EQ(accepts(open, text), low <= value && value <= high) << low << " " << high << " " << value;
      EXPECT_EQ(accepts(above, text), low <= value) << low << " " << value;
      EXPECT_EQ(accepts(below, text), value < high) << high << " " << value;
    }
  }
}

TEST(NumberRange, DecimalsAgreeWithComparing) {
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {0, 1}, {0.25, 0.75}, {-1.5, 2.05}, {0.12, 0.125}, {-0.3, -0.1}, {2, 2}, {1.25, 3}}) {
    Automaton closed = automaton_of({{"type", "number"}, {"minimum", low}, {"maximum", high}});
    const bool has_some = low < high;
    Automaton open =
        automaton_of({{"type", "number"}, {"exclusiveMinimum", low}, {"exclusiveMaximum", has_some ? high : high + 1}});
    for (int thousandth = -3200; thousandth <= 3200; ++thousandth) {
      const double value = thousandth / 1000.0;
      char text[32];
      std::snprintf(text, sizeof text, "%.3f", value);
      if (thousandth == 0) continue;
      EXPECT_EQ(accepts(closed, text), low <= value && value <= high) << low << " " << high << " " << text;
      EXPECT_EQ(accepts(open, text), low < value && value < (has_some ? high : high + 1))
          << low << " " << high << " " << text;
    }
  }
}

TEST(NumberRange, BoundsThatCannotBe) {
  EXPECT_EQ(problem({{"minimum", 2}, {"maximum", 1}}), "grammar: minimum: is above the maximum");
  EXPECT_EQ(problem({{"minimum", "2"}}), "grammar: minimum: must be a number");
  EXPECT_NE(problem({{"type", "integer"}, {"minimum", 0.2}, {"maximum", 0.8}}), "");
  EXPECT_EQ(problem({{"maximum", 1e300}}),
            "grammar: maximum: has more than 18 digits; use a bound that is nearer to zero");
}

}  // namespace
}  // namespace tidemill::grammar
