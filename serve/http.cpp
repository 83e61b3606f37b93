#include "serve/http.h"

namespace tidemill::serve {

std::string_view HttpRequest::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

}  // namespace tidemill::serve
