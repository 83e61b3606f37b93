#include "cli/speculate_option.h"

#include <charconv>

#include "tidemill/error.h"

namespace tidemill::cli {

int32_t speculate(const Arguments& arguments) {
  const std::string text = arguments.text("--speculate");
  if (text == "auto") return -1;
  if (text == "off") return 0;
  int32_t n = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, n);
  if (parsed.ec == std::errc() && parsed.ptr == end && n >= 0 && n <= 15) return n;
  throw Error(ErrorCode::invalid_argument, "--speculate: '" + text + "' is neither auto nor off nor a number to 15");
}

}  // namespace tidemill::cli
