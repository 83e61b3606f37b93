#include "text/replace_all.h"

namespace tidemill {

std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string result;
  size_t begin = 0;
  while (!pattern.empty()) {
    const size_t found = text.find(pattern, begin);
    if (found == text.npos) break;
    result.append(text.substr(begin, found - begin)).append(content);
    begin = found + pattern.size();
  }
  return result.append(text.substr(begin));
}

}  // namespace tidemill
