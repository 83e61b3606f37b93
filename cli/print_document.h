// A JSON document as one line on standard output.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>

namespace tidemill::cli {

// Bytes that are not UTF-8, as names in files may hold, become U+FFFD.
inline void print_document(const nlohmann::ordered_json& document) {
  std::printf("%s\n", document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

}  // namespace tidemill::cli
