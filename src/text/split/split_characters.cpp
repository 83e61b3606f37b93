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

const std::array<uint8_t, unicode::kNumberedCharacters> kSplitKinds = [] {
  std::array<uint8_t, unicode::kKinds.size()> by_kind;
  for (size_t k = 0; k < by_kind.size(); ++k) by_kind[k] = split_kinds({unicode::kKinds[k]});
  std::array<uint8_t, unicode::kNumberedCharacters> kinds;
  for (size_t k = 0; k < kinds.size(); ++k) kinds[k] = by_kind[unicode::kKindOf[k]];
  const auto set = [&](char32_t c, uint8_t kind) {
    kinds[unicode::kBlockOf[c / unicode::kBlockSize] * unicode::kBlockSize + c % unicode::kBlockSize] = kind;
  };
  set('\r', kind::newline);
  set('\n', kind::newline);
  return kinds;
}();

const std::array<uint8_t, 128> kAsciiSplitKinds = [] {
  std::array<uint8_t, 128> kinds;
  for (char32_t c = 0; c < kinds.size(); ++c) kinds[c] = split_kinds(unicode::properties(c));
  kinds['\r'] = kinds['\n'] = kind::newline;
  return kinds;
}();

}  // namespace tidemill
