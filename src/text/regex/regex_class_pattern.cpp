// A class is said to PCRE2 by its own categories where it holds all of one, for these are quick and short.  Where PCRE2
// puts a character into another category than our tables do, the character is added or excluded by name.
#include "text/regex/regex_class_pattern.h"

#include <algorithm>
#include <cstdio>

#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

using unicode::Category;

constexpr size_t kCategories = unicode::kCategories;
using CategorySets = std::array<CodePointSet, kCategories>;

const CategorySets& category_sets() {
  static const CategorySets sets = [] {
    CategorySets all;
    for (size_t k = 0; k < kCategories; ++k) {
      all[k] = CodePointSet::where([=](unicode::Properties p) { return p.category() == static_cast<Category>(k); });
    }
    return all;
  }();
  return sets;
}

// --- where PCRE2 and our tables differ ---

// Ideographs, Hangul, private use and planes without characters: no version has changed them since 9.0.
CodePointSet settled() {
  CodePointSet set;
  for (const CodePointSet::Run run : {CodePointSet::Run{0x3400, 0x4DB5},
                                      {0x4E00, 0x9FD5},
                                      {0xAC00, 0xD7A3},
                                      {0xD800, 0xF8FF},
                                      {0x17000, 0x187EC},
                                      {0x20000, 0x2A6D6},
                                      {0x40000, 0xDFFFF},
                                      {0xE1000, CodePointSet::kLast}}) {
    set.add({run.first, run.last});
  }
  return set;
}

// The members of `set` that match `pattern`, which stands for one or more characters.
CodePointSet matching(const CodePointSet& set, const std::string& pattern) {
  std::string text;
  for (const auto run : set.runs()) {
    for (char32_t c = run.first; c <= run.last; ++c) append_code_point(text, c);
  }
  CodePointSet found;
  for_each_class_match(compile_class(pattern).get(), text, [&](size_t begin, size_t end) {
    for (size_t pos = begin; pos < end;) {
      const char32_t c = next_code_point(text, pos);
      found.add({c, c});
    }
  });
  return found;
}

std::string property(size_t category) {
  return "{" + std::string(kCategoryNames[category]) + "}+";
}

// By the category that PCRE2 sees: the characters for which ours is another one.
const CategorySets& disagreements() {
  static const CategorySets sets = [] {
    const CodePointSet doubtful = settled().complement();
    CodePointSet wrong;
    for (size_t k = 0; k < kCategories; ++k) {
      wrong.add(matching(category_sets()[k].intersection(doubtful), "\\P" + property(k)));
    }
    CategorySets all;
    for (size_t k = 0; k < kCategories; ++k) all[k] = matching(wrong, "\\p" + property(k));
    return all;
  }();
  return sets;
}

// --- the pattern ---

void append_character(std::string& pattern, char32_t c) {
  char text[16];
  std::snprintf(text, sizeof text, "\\x{%x}", static_cast<unsigned>(c));
  pattern += text;
}

std::string items_of(const CodePointSet& set) {
  std::string items;
  for (const auto run : set.runs()) {
    append_character(items, run.first);
    if (run.first == run.last) continue;
    items += '-';
    append_character(items, run.last);
  }
  return items;
}

struct CategoryRange {
  std::string_view name;
  Category first, last;
};
constexpr CategoryRange kWholeGroups[] = {{"L", Category::Lu, Category::Lo}, {"M", Category::Mn, Category::Me},
                                          {"N", Category::Nd, Category::No}, {"P", Category::Pc, Category::Po},
                                          {"S", Category::Sm, Category::So}, {"Z", Category::Zs, Category::Zp}};

// The inside of brackets for a set, and what that matches in PCRE2 though it is not in the set.
struct Items {
  std::string text;
  CodePointSet excess;
};

class ItemsBuilder {
 public:
  explicit ItemsBuilder(const CodePointSet& set) : set_(set), rest_(set) {}

  Items build() {
    for (const CategoryRange& group : kWholeGroups) say(group);
    for (size_t k = 0; k < kCategories; ++k) {
      const Category category = static_cast<Category>(k);
      if (!said_[k] && category != Category::Cn) say({kCategoryNames[k], category, category});
    }
    for (size_t k = 0; k < kCategories; ++k) {
      const CodePointSet& others = disagreements()[k];
      if (said_[k]) {
        items_.excess.add(others.minus(set_));
      } else {
        rest_.add(others.intersection(set_));
      }
    }
    items_.text += items_of(rest_);
    return std::move(items_);
  }

 private:
  static constexpr size_t kFewRuns = 4;  // are as well said one by one

  void say(const CategoryRange& range) {
    const size_t first = static_cast<size_t>(range.first), last = static_cast<size_t>(range.last);
    size_t n_runs = 0;
    for (size_t k = first; k <= last; ++k) {
      if (!set_.contains_all(category_sets()[k])) return;
      n_runs += category_sets()[k].runs().size();
    }
    if (n_runs < kFewRuns) return;
    items_.text += "\\p{" + std::string(range.name) + "}";
    for (size_t k = first; k <= last; ++k) said_[k] = true;
    rest_ = rest_.minus(of_categories(range.first, range.last));
  }

  const CodePointSet& set_;
  CodePointSet rest_;  // what is to be said one by one
  std::array<bool, kCategories> said_{};
  Items items_;
};

}  // namespace

CodePointSet of_categories(Category first, Category last) {
  CodePointSet set = category_sets()[static_cast<size_t>(first)];
  for (size_t k = static_cast<size_t>(first) + 1; k <= static_cast<size_t>(last); ++k) set.add(category_sets()[k]);
  return set;
}

// Unassigned characters make up most of a class or hardly any of it; what has them is said by what it lacks.
std::string class_pattern(const CodePointSet& set) {
  const bool negated = set.contains(CodePointSet::kLast);
  const CodePointSet surrogates(0xD800, 0xDFFF);
  const CodePointSet said = (negated ? set.complement() : set).minus(surrogates);
  if (said.empty()) return negated ? "(?s:.)" : "(?!)";
  const Items items = ItemsBuilder(said).build();
  const std::string brackets = (negated ? "[^" : "[") + items.text + "]";
  if (items.excess.empty()) return brackets;
  const std::string excess = "[" + items_of(items.excess) + "]";
  return negated ? "(?:" + excess + "|" + brackets + ")" : "(?:(?!" + excess + ")" + brackets + ")";
}

PcrePtr<pcre2_code> compile_class(const std::string& pattern) {
  int error;
  PCRE2_SIZE at;
  PcrePtr<pcre2_code> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error, &at, nullptr));
  if (code) pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

}  // namespace tidemill
