// Names of character classes, as Oniguruma reads them.
#include "text/regex/regex_classes.h"

#include <array>
#include <utility>

#include "text/regex/pcre.h"
#include "text/regex/regex_class_pattern.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

using unicode::Category;
using unicode::Flag;

constexpr size_t kCategories = unicode::kCategories;
constexpr std::array<std::string_view, kCategories> kLongNames = {
    "uppercaseletter",    "lowercaseletter",  "titlecaseletter",  "modifierletter",
    "otherletter",        "nonspacingmark",   "spacingmark",      "enclosingmark",
    "decimalnumber",      "letternumber",     "othernumber",      "connectorpunctuation",
    "dashpunctuation",    "openpunctuation",  "closepunctuation", "initialpunctuation",
    "finalpunctuation",   "otherpunctuation", "mathsymbol",       "currencysymbol",
    "modifiersymbol",     "othersymbol",      "spaceseparator",   "lineseparator",
    "paragraphseparator", "control",          "format",           "surrogate",
    "privateuse",         "unassigned"};

struct CategoryGroup {
  std::string_view name, long_name;
  Category first, last;
};
constexpr CategoryGroup kGroups[] = {
    {"l", "letter", Category::Lu, Category::Lo},      {"lc", "casedletter", Category::Lu, Category::Lt},
    {"m", "mark", Category::Mn, Category::Me},        {"n", "number", Category::Nd, Category::No},
    {"p", "punctuation", Category::Pc, Category::Po}, {"s", "symbol", Category::Sm, Category::So},
    {"z", "separator", Category::Zs, Category::Zp},   {"c", "other", Category::Cc, Category::Cn}};

CodePointSet of_flag(Flag flag) {
  return CodePointSet::where([=](unicode::Properties p) { return p.has(flag); });
}

CodePointSet of_script(uint8_t number) {
  CodePointSet set;
  for (const unicode::ScriptRun& run : unicode::script_runs()) {
    if (run.script == number) set.add({run.first, run.last});
  }
  return set;
}

CodePointSet joined(CodePointSet set, const CodePointSet& other) {
  set.add(other);
  return set;
}

CodePointSet words() {
  CodePointSet set = of_flag(Flag::alphabetic);
  set.add(of_categories(Category::Mn, Category::Nd));
  set.add(of_categories(Category::Pc, Category::Pc));
  return set;
}

// What Oniguruma's table of Latin-1 counts as word characters, too.
CodePointSet words_and_latin1_numbers() {
  CodePointSet set = words();
  set.add({0xB2, 0xB3});
  set.add({0xB9, 0xB9});
  set.add({0xBC, 0xBE});
  return set;
}

CodePointSet hexadecimal_digits() {
  return joined(joined({'0', '9'}, {'A', 'F'}), {'a', 'f'});
}

CodePointSet graphic() {
  return of_flag(Flag::white_space)
      .complement()
      .minus(of_categories(Category::Cc, Category::Cc))
      .minus(of_categories(Category::Cs, Category::Cs))
      .minus(of_categories(Category::Cn, Category::Cn));
}

std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == ' ' || c == '_' || c == '-') continue;
    result += 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

// Names that POSIX brackets and properties share, folded.
std::optional<CodePointSet> find_common(const std::string& name) {
  if (name == "alpha" || name == "alphabetic") return of_flag(Flag::alphabetic);
  if (name == "alnum") return joined(of_flag(Flag::alphabetic), of_categories(Category::Nd, Category::Nd));
  if (name == "ascii") return CodePointSet(0, 0x7F);
  if (name == "blank") return joined(of_categories(Category::Zs, Category::Zs), {'\t', '\t'});
  if (name == "cntrl") return of_categories(Category::Cc, Category::Cc);
  if (name == "digit") return of_categories(Category::Nd, Category::Nd);
  if (name == "graph") return graphic();
  if (name == "lower" || name == "lowercase") return of_flag(Flag::lowercase);
  if (name == "print") return joined(graphic(), of_categories(Category::Zs, Category::Zs));
  if (name == "space" || name == "whitespace") return of_flag(Flag::white_space);
  if (name == "upper" || name == "uppercase") return of_flag(Flag::uppercase);
  if (name == "xdigit") return hexadecimal_digits();
  return {};
}

bool is_surrogate(char32_t c) {
  return 0xD800 <= c && c < 0xE000;
}

std::optional<CodePointSet> find_in_pcre(std::string_view name) {
  const auto code = compile_class("\\p{" + std::string(name) + "}+");
  if (!code) return {};
  std::string all;
  for (char32_t c = 0; c <= CodePointSet::kLast; ++c) {
    if (!is_surrogate(c)) append_code_point(all, c);
  }
  CodePointSet set;
  for_each_class_match(code.get(), all, [&](size_t begin, size_t end) {
    for (size_t pos = begin; pos < end;) {
      const char32_t c = next_code_point(all, pos);
      set.add({c, c});
    }
  });
  return set;
}

}  // namespace

std::optional<CodePointSet> find_property(std::string_view name) {
  const std::string key = folded(name);
  if (key == "any") return CodePointSet(0, CodePointSet::kLast);
  if (key == "assigned") return of_categories(Category::Cn, Category::Cn).complement();
  if (key == "word") return words_and_latin1_numbers();
  if (key == "punct") return of_categories(Category::Pc, Category::Po);
  if (auto common = find_common(key)) return common;
  for (size_t k = 0; k < kCategories; ++k) {
    const Category category = static_cast<Category>(k);
    if (key == folded(kCategoryNames[k]) || key == kLongNames[k]) return of_categories(category, category);
  }
  for (const CategoryGroup& group : kGroups) {
    if (key == group.name || key == group.long_name) return of_categories(group.first, group.last);
  }
  const auto scripts = unicode::script_names();
  for (size_t k = 0; k < scripts.size(); ++k) {
    if (key == folded(scripts[k])) return of_script(static_cast<uint8_t>(k + 1));
  }
  return find_in_pcre(key);
}

std::optional<CodePointSet> find_posix_class(std::string_view name) {
  if (name == "word") return words();
  if (name == "punct") {
    return joined(of_categories(Category::Pc, Category::Po), of_categories(Category::Sm, Category::So));
  }
  return find_common(std::string(name));
}

std::optional<CodePointSet> find_shorthand(char letter, Brackets brackets) {
  switch (letter) {
    case 'w':
      return brackets == Brackets::inside ? words() : words_and_latin1_numbers();
    case 'd':
      return of_categories(Category::Nd, Category::Nd);
    case 's':
      return of_flag(Flag::white_space);
    case 'h':
      return hexadecimal_digits();
    case 'W':
    case 'D':
    case 'S':
    case 'H':
      return find_shorthand(static_cast<char>(letter - 'A' + 'a'), brackets)->complement();
    default:
      return {};
  }
}

}  // namespace tidemill
