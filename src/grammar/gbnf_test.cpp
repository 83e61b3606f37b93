#include "grammar/gbnf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "grammar/grammar_for_test.h"
#include "tidemill/grammar.h"

namespace tidemill::grammar {
namespace {

// The message of what is wrong with a grammar; empty when nothing is.
std::string problem(const std::string& text) {
  try {
    automaton_of_gbnf(text);
    return "";
  } catch (const GrammarError& error) {
    return error.what();
  }
}

void expect_language(const std::string& grammar, const std::vector<std::string>& in,
                     const std::vector<std::string>& out) {
  Automaton automaton = automaton_of_gbnf(grammar);
  for (const std::string& text : in) EXPECT_TRUE(accepts(automaton, text)) << grammar << "\n" << text;
  for (const std::string& text : out) EXPECT_FALSE(accepts(automaton, text)) << grammar << "\n" << text;
}

TEST(Gbnf, LiteralsAndChoices) {
  expect_language("root ::= \"yes\" | \"no\"", {"yes", "no"}, {"", "y", "yesno", "maybe"});
  expect_language("root ::= \"a\" (\"b\" | \"c\") \"d\"", {"abd", "acd"}, {"ad", "abcd"});
  expect_language("root ::= \"a\" |", {"a", ""}, {"aa"});
}

TEST(Gbnf, RulesMayBeUsedBeforeTheyAreDefined) {
  expect_language("root ::= item (\",\" item)*\nitem ::= [0-9]+ # digits\n", {"1", "1,22,3"}, {"", ",", "1,"});
}

TEST(Gbnf, RepetitionsOfAllKinds) {
  expect_language("root ::= \"a\"{3}", {"aaa"}, {"aa", "aaaa"});
  expect_language("root ::= \"a\"{2,}", {"aa", "aaaaaaaa"}, {"a"});
  expect_language("root ::= \"a\"{1,3}", {"a", "aa", "aaa"}, {"", "aaaa"});
  expect_language("root ::= \"a\"{,2}", {"", "a", "aa"}, {"aaa"});
  expect_language("root ::= \"a\"? \"b\"* \"c\"+", {"c", "abbc", "cc"}, {"", "a", "ab"});
  expect_language("root ::= \"a\"{0}", {""}, {"a"});
}

TEST(Gbnf, LongRepetitionsAreCounted) {
  Automaton automaton = automaton_of_gbnf("root ::= ([a-c] | \"xy\"){100,2000} \"!\"");
  for (const size_t n : {99, 100, 101, 1999, 2000, 2001}) {
    const bool fits = n >= 100 && n <= 2000;
    EXPECT_EQ(accepts(automaton, std::string(n, 'b') + "!"), fits) << n;
    std::string pairs;
    for (size_t k = 0; k < n; ++k) pairs += "xy";
    EXPECT_EQ(accepts(automaton, pairs + "!"), fits) << n;
  }
  Automaton nested = automaton_of_gbnf("root ::= (\"<\" [a-z]{70,90} \">\"){80,}");
  std::string text;
  for (int k = 0; k < 79; ++k) text += "<" + std::string(70, 'a') + ">";
  EXPECT_EQ(verdict(nested, text), Verdict::part);
  EXPECT_TRUE(accepts(nested, text + "<" + std::string(90, 'z') + ">"));
  EXPECT_EQ(verdict(nested, text + "<" + std::string(91, 'z')), Verdict::no);
}

TEST(Gbnf, ClassesAndEscapes) {
  expect_language("root ::= [a-cx]", {"a", "b", "x"}, {"d", "-", ""});
  expect_language("root ::= [^a-c\\n]", {"d", "\xC3\xA9", "\xF0\x9F\x98\x80"}, {"a", "\n", "\xC3", "\x80"});
  expect_language("root ::= [\\]\\[\\\\\\-]", {"]", "[", "\\", "-"}, {"a"});
  expect_language("root ::= [a-]", {"a", "-"}, {"b"});
  expect_language("root ::= \"\\x41\\u00e9\\U0001F600\\t\\\"\"", {"A\xC3\xA9\xF0\x9F\x98\x80\t\""}, {"A"});
  expect_language("root ::= [\\u0400-\\u04FF]+", {"\xD0\x96\xD1\x8F"}, {"z", "\xD0"});
  expect_language("root ::= .", {"a", "\n", "\xE2\x82\xAC"}, {"", "ab", "\xED\xA0\x80", "\xC0\x80", "\xFF"});
}

TEST(Gbnf, CharactersMayComeInPieces) {
  Automaton automaton = automaton_of_gbnf("root ::= [\\u00E0-\\u20AC]");
  EXPECT_EQ(verdict(automaton, "\xE2"), Verdict::part);
  EXPECT_EQ(verdict(automaton, "\xE2\x82"), Verdict::part);
  EXPECT_EQ(verdict(automaton, "\xE2\x82\xAC"), Verdict::whole);
  EXPECT_EQ(verdict(automaton, "\xE2\x82\xAD"), Verdict::no);
}

TEST(Gbnf, RecursionNests) {
  expect_language("root ::= \"(\" root \")\" | \"\"", {"", "()", "((()))"}, {"(", "(()", "())"});
  expect_language("root ::= value\nvalue ::= \"[\" (value (\",\" value)*)? \"]\"", {"[]", "[[],[[]]]"}, {"[,]", "[[]"});
}

TEST(Gbnf, LinesMayBeBrokenInGroupsAndAfterBars) {
  expect_language("# a comment\n\nroot ::=\n  \"a\" |\n  \"b\"\r\n  | \"c\" (\n \"d\" # more\n )\r\n", {"a", "b", "cd"},
                  {"c"});
}

TEST(Gbnf, TellsWhereItIsWrong) {
  EXPECT_EQ(problem("root ::= item\n"), "grammar: line 1, column 10: rule 'item' is used, but not defined");
  EXPECT_EQ(problem("x ::= \"a\""), "grammar: has no rule 'root'; the text is what root ::= ... says");
  EXPECT_EQ(problem(""), "grammar: has no rule 'root'; the text is what root ::= ... says");
  EXPECT_EQ(problem("root ::= \"a\"\nroot ::= \"b\""),
            "grammar: line 2, column 1: rule 'root' is defined twice; join them with '|'");
  EXPECT_EQ(problem("root = \"a\""), "grammar: line 1, column 6: expected '::=' after the name 'root', not '='");
  EXPECT_EQ(problem("root ::= \"a"), "grammar: line 1, column 10: the literal has no end; expected '\"'");
  EXPECT_EQ(problem("root ::= [a"), "grammar: line 1, column 10: the class has no end; expected ']'");
  EXPECT_EQ(problem("root ::= (\"a\""), "grammar: line 1, column 14: expected ')' for the '(' before, not the end");
  EXPECT_EQ(problem("root ::= \"\xC3\xA9\" )"), "grammar: line 1, column 14: expected a new line or the end, not ')'");
  EXPECT_EQ(problem("root ::= [z-a]"),
            "grammar: line 1, column 11: the range runs backwards; write its lower end first");
  EXPECT_EQ(problem("root ::= \"a\"{3,2}"),
            "grammar: line 1, column 13: the least number of repetitions is above the greatest");
  EXPECT_EQ(
      problem("root ::= \"\\q\""),
      "grammar: line 1, column 12: unknown escape '\\' and 'q'; there are \\x41 \\u0041 \\U00000041 \\t \\r \\n \\\\ "
      "\\\" \\[ \\]");
  EXPECT_EQ(problem("root ::= \"\\ud800\""), "grammar: line 1, column 17: is no character of Unicode");
  EXPECT_EQ(problem("root ::= <think>"),
            "grammar: line 1, column 10: tokens, as in <name>, are not supported; write their text");
  EXPECT_EQ(problem("root ::= \"\xFF\""), "grammar: is not UTF-8");
}

TEST(Gbnf, RefusesLeftRecursion) {
  const std::string why =
      "is left-recursive: it can begin with itself; write it as a repetition, as in list ::= item (\",\" item)*";
  EXPECT_EQ(problem("root ::= root \"a\" | \"a\""), "grammar: rule 'root': " + why);
  EXPECT_EQ(problem("root ::= a\na ::= b \"x\" | \"y\"\nb ::= a"), "grammar: rule 'a': " + why);
  EXPECT_EQ(problem("root ::= \"x\"? root \"a\" | \"b\""), "grammar: rule 'root': " + why);
  EXPECT_EQ(problem("root ::= (\"\" | \"b\")* root"),
            "grammar: no text satisfies it; rules need an end, and ranges "
            "something in them");
}

TEST(Gbnf, RefusesWhatHasNoText) {
  EXPECT_NE(problem("root ::= \"a\" root"), "");
  EXPECT_NE(problem("root ::= []"), "");
  expect_language("root ::= \"a\" | \"b\" endless\nendless ::= \"x\" endless", {"a"}, {"b"});
  Automaton automaton = automaton_of_gbnf("root ::= \"a\" | \"b\" endless | \"c\" []\nendless ::= \"x\" endless");
  EXPECT_EQ(verdict(automaton, "b"), Verdict::no);  // never an end from there, so never allowed
  EXPECT_EQ(verdict(automaton, "c"), Verdict::no);
}

std::string repeated(const std::string& text, int n) {
  std::string result;
  for (int k = 0; k < n; ++k) result += text;
  return result;
}

TEST(Gbnf, HostileGrammarsAreRefusedOrRunWithinBounds) {
  EXPECT_NE(problem("root ::= " + repeated("(", 100'000)), "");
  EXPECT_NE(problem("root ::= " + repeated("(", 65) + "\"a\"" + repeated(")", 65)), "");
  EXPECT_NE(problem("root ::= \"a\"" + repeated("{9}", 1000)), "");
  EXPECT_NE(problem("root ::= \"a\"{1000000000}"), "");
  EXPECT_NE(problem("root ::= " + repeated("(", 20) + "\"\"" + repeated("{64})", 20)), "");  // 64^20 of nothing
  EXPECT_NE(problem("root ::= (\"\" | \"a\"){5000}"), "");
  std::string chain = "root ::= r0\n";
  for (int k = 0; k < 20'000; ++k) chain += "r" + std::to_string(k) + " ::= r" + std::to_string(k + 1) + "\n";
  EXPECT_NE(problem(chain + "r20000 ::= \"x\""), "");
  // Doubling rules: 2^60 texts, but few instructions.
  std::string doubling = "root ::= r0 \"!\"\n";
  for (int k = 0; k < 60; ++k)
    doubling += "r" + std::to_string(k) + " ::= r" + std::to_string(k + 1) + " r" + std::to_string(k + 1) + "\n";
  EXPECT_NE(problem(doubling + "r60 ::= \"x\"?\n"), "");  // 2^60 ways to stand behind nothing
  Automaton automaton = automaton_of_gbnf(doubling + "r60 ::= \"x\"\n");
  EXPECT_EQ(verdict(automaton, std::string(10'000, 'x')), Verdict::part);
}

TEST(Gbnf, ALongChainOfRulesIsWorkedThroughOnce) {
  std::string chain = "root ::= r0\n";
  for (int k = 0; k < 9000; ++k)
    chain += "r" + std::to_string(k) + " ::= r" + std::to_string(k + 1) + " | \"" +
             std::string(1, static_cast<char>('a' + k % 26)) + "\"\n";
  EXPECT_NE(problem(chain + "r9000 ::= \"x\""), "");  // 9,000 places at once
}

TEST(Gbnf, TooManyPlacesAtOnceIsAnError) {
  Automaton automaton = automaton_of_gbnf("root ::= ([a-z] | [a-z] [a-z]){9000} \"!\"");
  automaton.allow_work(2'000'000);
  EXPECT_THROW(accepts(automaton, std::string(20'000, 'a')), GrammarError);
}

TEST(Gbnf, RightRecursionKeepsTheStackFlat) {
  Automaton automaton = automaton_of_gbnf("root ::= \"a\" root | \"b\"");
  EXPECT_TRUE(accepts(automaton, std::string(50'000, 'a') + "b"));
  EXPECT_LT(automaton.size_bytes(), 100'000u);
}

}  // namespace
}  // namespace tidemill::grammar
