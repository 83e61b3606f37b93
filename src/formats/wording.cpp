#include "formats/wording.h"

#include <algorithm>

namespace tidemill {

std::string quoted(std::string_view name) {
  constexpr size_t kShown = 100;
  std::string text = "'";
  text += name.substr(0, kShown);
  std::ranges::replace(text, '\0', '?');  // which would end the message
  text += name.size() > kShown ? "...'" : "'";
  return text;
}

std::string grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t digits = 3; digits < text.size(); digits += 4) text.insert(text.size() - digits, 1, ',');
  return text;
}

}  // namespace tidemill
