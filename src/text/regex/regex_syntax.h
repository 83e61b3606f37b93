// Regular expressions as tokenizer files write them, in Oniguruma's Ruby syntax, put into the words of PCRE2.
#pragma once

#include <string>
#include <string_view>

namespace tidemill {

// The same expression for pcre2_compile with PCRE2_UTF, PCRE2_MULTILINE and line feeds as line ends.  Character
// classes are spelled out, so that they do not depend on PCRE2's version.  Throws bad_file for what is malformed and
// unsupported for what PCRE2 cannot express, naming `where`; the rest of the grammar is left to PCRE2 to check.
std::string pcre_pattern(std::string_view pattern, const std::string& where);

}  // namespace tidemill
