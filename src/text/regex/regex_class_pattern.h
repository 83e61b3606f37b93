// How to say a character class to PCRE2, whose own tables may be of any version of Unicode.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "text/regex/pcre.h"
#include "text/unicode/code_point_set.h"

namespace tidemill {

// By unicode::Category, as \p{} spells them.
inline constexpr std::array<std::string_view, unicode::kCategories> kCategoryNames = {
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"};

// The characters of a range of categories.
CodePointSet of_categories(unicode::Category first, unicode::Category last);

// A pattern of PCRE2 for one character of the set; one atom.
std::string class_pattern(const CodePointSet& set);

// A pattern made for PCRE2; null when that does not know it.
PcrePtr<pcre2_code> compile_class(const std::string& pattern);

// Calls on_match(begin, end) for every match in `text`, in bytes; none is empty.
template <typename OnMatch>
void for_each_class_match(const pcre2_code* code, const std::string& text, OnMatch&& on_match) {
  const PcrePtr<pcre2_match_data> data(pcre2_match_data_create(1, nullptr));
  size_t pos = 0;
  while (pos < text.size() && pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), pos,
                                          PCRE2_NO_UTF_CHECK, data.get(), nullptr) >= 0) {
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
    on_match(ends[0], ends[1]);
    pos = ends[1];
  }
}

}  // namespace tidemill
