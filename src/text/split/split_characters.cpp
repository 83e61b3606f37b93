#include "text/split/split_characters.h"

namespace tidemill {
namespace {

using unicode::Category;

uint8_t split_kinds(unicode::Properties properties) {
  if (properties.has(unicode::Flag::white_space)) return kind::blank;
  switch (properties.category()) {
    case Category::Lu:
    case Category::Lt:
      return kind::upper;
    case Category::Ll:
      return kind::lower;
    case Category::Lm:
    case Category::Lo:
      return kind::other_letter;
    case Category::Mn:
    case Category::Mc:
    case Category::Me:
      return kind::mark;
    case Category::Nd:
    case Category::Nl:
    case Category::No:
      return kind::number;
    default:
      return Category::Pc <= properties.category() && properties.category() <= Category::So ? kind::graphic : 0;
  }
}

}  // namespace

const std::array<uint8_t, 256> kSplitKinds = [] {
  std::array<uint8_t, 256> kinds;
  for (size_t k = 0; k < kinds.size(); ++k) kinds[k] = split_kinds({unicode::kKinds[k]});
  return kinds;
}();

const std::array<uint8_t, 128> kAsciiSplitKinds = [] {
  std::array<uint8_t, 128> kinds;
  for (char32_t c = 0; c < kinds.size(); ++c) kinds[c] = split_kinds(unicode::properties(c));
  kinds['\r'] = kinds['\n'] = kind::newline;
  return kinds;
}();

}  // namespace tidemill
