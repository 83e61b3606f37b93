// A class is said to PCRE2 by its own categories where it holds all of one, for these are quick and short.  Where PCRE2
// puts a character into another category than our tables do, the character is added or excluded by name.
#include "text/regex_classes.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "text/code_points.h"
#include "text/pcre.h"

namespace tidemill {
namespace {

using unicode::Category;
using unicode::Flag;

constexpr size_t kCategories = unicode::kCategories;
constexpr std::array<std::string_view, kCategories> kShortNames = {
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"};
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

CodePointSet of_categories(Category first, Category last) {
  return CodePointSet::where([=](unicode::Properties p) { return first <= p.category() && p.category() <= last; });
}

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

PcrePtr<pcre2_code> compiled(const std::string& pattern) {
  int error;
  PCRE2_SIZE at;
  PcrePtr<pcre2_code> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error, &at, nullptr));
  if (code) pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

// Calls on_match(begin, end) for every match in `text`, in bytes.
template <typename OnMatch>
void for_each_match(const pcre2_code* code, const std::string& text, OnMatch&& on_match) {
  const PcrePtr<pcre2_match_data> data(pcre2_match_data_create(1, nullptr));
  size_t pos = 0;
  while (pos < text.size() && pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), pos,
                                          PCRE2_NO_UTF_CHECK, data.get(), nullptr) >= 0) {
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
    on_match(ends[0], ends[1]);
    pos = ends[1];
  }
}

bool is_surrogate(char32_t c) {
  return 0xD800 <= c && c < 0xE000;
}

std::optional<CodePointSet> find_in_pcre(std::string_view name) {
  const auto code = compiled("\\p{" + std::string(name) + "}+");
  if (!code) return {};
  std::string all;
  for (char32_t c = 0; c <= CodePointSet::kLast; ++c) {
    if (!is_surrogate(c)) append_code_point(all, c);
  }
  CodePointSet set;
  for_each_match(code.get(), all, [&](size_t begin, size_t end) {
    for (size_t pos = begin; pos < end;) {
      const char32_t c = next_code_point(all, pos);
      set.add({c, c});
    }
  });
  return set;
}

// --- saying a class to PCRE2 ---

// Ideographs, Hangul, private use and planes without characters: no version has changed them since 9.0.
bool is_settled(char32_t c) {
  constexpr CodePointSet::Run kRuns[] = {{0x3400, 0x4DB5},   {0x4E00, 0x9FD5},   {0xAC00, 0xD7A3},
                                         {0xD800, 0xF8FF},   {0x17000, 0x187EC}, {0x20000, 0x2A6D6},
                                         {0x40000, 0xDFFFF}, {0xE1000, 0x10FFFF}};
  return std::any_of(std::begin(kRuns), std::end(kRuns), [=](auto run) { return run.first <= c && c <= run.last; });
}

struct Disagreement {
  char32_t c;
  Category in_pcre;
};

// The characters whose category PCRE2 sees otherwise.
const std::vector<Disagreement>& disagreements() {
  static const std::vector<Disagreement> found = [] {
    std::string text;
    for (char32_t c = 0; c <= CodePointSet::kLast; ++c) {
      if (!is_settled(c)) append_code_point(text, c);
    }
    std::vector<Disagreement> all;
    for (size_t k = 0; k < kCategories; ++k) {
      const Category category = static_cast<Category>(k);
      const auto code = compiled("\\p{" + std::string(kShortNames[k]) + "}+");
      for_each_match(code.get(), text, [&](size_t begin, size_t end) {
        for (size_t pos = begin; pos < end;) {
          const char32_t c = next_code_point(text, pos);
          if (unicode::category(c) != category) all.push_back({c, category});
        }
      });
    }
    std::sort(all.begin(), all.end(), [](const Disagreement& x, const Disagreement& y) { return x.c < y.c; });
    return all;
  }();
  return found;
}

void append_run(std::string& pattern, CodePointSet::Run run) {
  char text[32];
  std::snprintf(text, sizeof text, "\\x{%x}", static_cast<unsigned>(run.first));
  pattern += text;
  if (run.first == run.last) return;
  std::snprintf(text, sizeof text, "-\\x{%x}", static_cast<unsigned>(run.last));
  pattern += text;
}

std::string items_of(const CodePointSet& set) {
  std::string items;
  for (const auto run : set.runs()) append_run(items, run);
  return items;
}

// The inside of brackets for `set`, and what that matches in PCRE2 though it is not in the set.
struct Items {
  std::string text;
  CodePointSet excess;
};

Items items_by_category(const CodePointSet& set) {
  Items items;
  std::array<bool, kCategories> said{};
  CodePointSet rest = set;
  const auto say = [&](std::string_view name, Category first, Category last) {
    const CodePointSet members = of_categories(first, last);
    if (members.runs().size() < 4 || !set.contains_all(members)) return;
    items.text += "\\p{" + std::string(name) + "}";
    for (size_t k = static_cast<size_t>(first); k <= static_cast<size_t>(last); ++k) said[k] = true;
    rest = rest.minus(members);
  };
  for (const CategoryGroup& group : kGroups) {
    if (group.name.size() > 1 || group.name == "c") continue;
    const char name = static_cast<char>(group.name[0] - 'a' + 'A');
    say({&name, 1}, group.first, group.last);
  }
  for (size_t k = 0; k < kCategories; ++k) {
    const Category category = static_cast<Category>(k);
    if (!said[k] && category != Category::Cn) say(kShortNames[k], category, category);
  }
  CodePointSet missing;
  for (const Disagreement& d : disagreements()) {
    const bool matched = said[static_cast<size_t>(d.in_pcre)];
    if (set.contains(d.c) && !matched) missing.add({d.c, d.c});
    if (!set.contains(d.c) && matched) items.excess.add({d.c, d.c});
  }
  rest.add(missing);
  items.text += items_of(rest);
  return items;
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
    if (key == folded(kShortNames[k]) || key == kLongNames[k]) return of_categories(category, category);
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

// Unassigned characters make up most of a class or hardly any of it; what has them is said by what it lacks.
std::string class_pattern(const CodePointSet& set) {
  const bool negated = set.contains(CodePointSet::kLast);
  const CodePointSet surrogates(0xD800, 0xDFFF);
  const CodePointSet said = (negated ? set.complement() : set).minus(surrogates);
  if (said.empty()) return negated ? "(?s:.)" : "(?!)";
  const Items items = items_by_category(said);
  const std::string brackets = (negated ? "[^" : "[") + items.text + "]";
  if (items.excess.empty()) return brackets;
  const std::string excess = "[" + items_of(items.excess) + "]";
  return negated ? "(?:" + excess + "|" + brackets + ")" : "(?:(?!" + excess + ")" + brackets + ")";
}

}  // namespace tidemill
