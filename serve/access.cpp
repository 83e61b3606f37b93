#include "serve/access.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <fstream>

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

constexpr size_t kShortestKey = 16;

// "localhost:8080" -> "localhost"; "[::1]:8080" -> "[::1]".
std::string_view without_port(std::string_view host) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  return colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)
             ? host
             : host.substr(0, colon);
}

}  // namespace

Access::Digest Access::digest_of(std::string_view key) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return digest;
}

void Access::add_key(const std::string& text, const std::string& where) {
  const size_t colon = text.find(':');
  const std::string key = colon == std::string::npos ? text : text.substr(colon + 1);
  if (key.size() < kShortestKey)
    throw Error(ErrorCode::bad_file, where + ": the key is shorter than " + std::to_string(kShortestKey) +
                                         " characters; make one with `openssl rand -hex 24`");
  const std::string name =
      colon == std::string::npos ? "key" + std::to_string(keys_.size() + 1) : text.substr(0, colon);
  keys_.push_back({.name = name, .digest = digest_of(key)});
}

void Access::add_keys_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::not_found, path + ": cannot be read; give a file of lines NAME:KEY");
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    add_key(line, path + ": line " + std::to_string(number));
  }
  if (!has_keys()) throw Error(ErrorCode::bad_file, path + ": holds no key; give lines NAME:KEY");
}

bool Access::is_allowed_origin(std::string_view origin) const {
  return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

void Access::check_origin(const HttpRequest& request) const {
  const std::string_view host = request.header("host");
  const auto is_named = [&](const std::string& allowed) { return allowed == "*" || allowed == without_port(host); };
  if (std::none_of(hosts_.begin(), hosts_.end(), is_named))
    throw ApiError(403, "Host '" + printable(std::string(host), 100) + "': is not served here; see --allow-host");
  const std::string_view origin = request.header("origin");
  if (origin.empty() || is_allowed_origin(origin)) return;
  const size_t scheme = origin.find("://");
  if (scheme != std::string_view::npos && origin.substr(scheme + 3) == host) return;  // a page of this server
  throw ApiError(403, "Origin '" + printable(std::string(origin), 100) + "': may not ask here; see --allow-origin");
}

std::string Access::check_key(const HttpRequest& request) const {
  if (!has_keys()) return {};
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view authorization = request.header("authorization");
  // Anthropic's clients send the key in a header of their own.
  const std::string_view key =
      authorization.starts_with(kScheme) ? authorization.substr(kScheme.size()) : request.header("x-api-key");
  const Digest digest = digest_of(key);
  const Key* found = nullptr;  // all are compared, so that the time does not tell which one was near
  for (const Key& candidate : keys_)
    if (CRYPTO_memcmp(candidate.digest.data(), digest.data(), digest.size()) == 0) found = &candidate;
  if (found == nullptr)
    throw ApiError(401,
                   key.empty() ? "no API key; send it as 'Authorization: Bearer KEY'" : "the API key is not known here",
                   {}, "invalid_api_key");
  return found->name;
}

Headers Access::cors_headers(const HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !is_allowed_origin(origin)) return {};
  return {{"access-control-allow-origin", std::string(origin)},
          {"access-control-allow-headers", "authorization, content-type"},
          {"access-control-allow-methods", "GET, POST"},
          {"vary", "Origin"}};
}

}  // namespace tidemill::serve
