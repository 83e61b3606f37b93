#include "serve/access.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <ctime>
#include <fstream>

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

constexpr size_t kShortestKey = 16;
constexpr size_t kMostSubjectBytes = 100;

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

void Access::allow_origin(const std::string& origin) {
  if (origin.find("://") == std::string::npos)
    throw Error(ErrorCode::invalid_argument,
                "--allow-origin: '" + origin + "' is no origin; give one such as https://example.org");
  origins_.push_back(origin);
}

void Access::add_key(const std::string& text, const std::string& where) {
  const size_t space = text.find(' ');
  const std::string named = text.substr(0, space);
  const size_t colon = named.find(':');
  const std::string key = colon == std::string::npos ? named : named.substr(colon + 1);
  if (key.size() < kShortestKey)
    throw Error(ErrorCode::bad_file, where + ": the key is shorter than " + std::to_string(kShortestKey) +
                                         " characters; make one with `openssl rand -hex 24`");
  keys_.push_back({
      .name = colon == std::string::npos ? std::to_string(keys_.size() + 1) : named.substr(0, colon),
      .scopes = space == std::string::npos ? Scopes::usual() : parse_scopes(text.substr(space + 1), where),
      .digest = digest_of(key),
  });
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
  if (keys_.empty()) throw Error(ErrorCode::bad_file, path + ": holds no key; give lines NAME:KEY or NAME:KEY SCOPES");
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

const Access::Key* Access::find_key(std::string_view key) const {
  const Digest digest = digest_of(key);
  const Key* found = nullptr;  // all are compared, so that the time does not tell which one was near
  for (const Key& candidate : keys_)
    if (CRYPTO_memcmp(candidate.digest.data(), digest.data(), digest.size()) == 0) found = &candidate;
  return found;
}

std::string Access::identify(const HttpRequest& request, Scope scope) const {
  if (!has_authentication()) {
    if (scope == Scope::admin)
      throw ApiError(403, "administration needs a key with the scope 'admin'; start the server with one", {},
                     "insufficient_scope");
    return {};
  }
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view authorization = request.header("authorization");
  // Anthropic's clients send the key in a header of their own.
  const std::string_view credential =
      authorization.starts_with(kScheme) ? authorization.substr(kScheme.size()) : request.header("x-api-key");
  Scopes scopes;
  std::string name;
  if (const Key* key = find_key(credential)) {
    scopes = key->scopes;
    name = "key " + key->name;
  } else if (jwt_ && JwtVerifier::is_token(credential)) {
    const JwtClaims claims = jwt_->verify(credential, std::time(nullptr));
    if (!claims.has_scopes) scopes = Scopes::usual();
    for (const std::string& word : claims.scopes)
      if (const auto given = scope_of(word)) scopes = scopes.with(*given);
    name = "jwt " + printable(claims.subject, kMostSubjectBytes);
  } else {
    throw ApiError(
        401,
        credential.empty() ? "no API key; send it as 'Authorization: Bearer KEY'" : "the API key is not known here", {},
        "invalid_api_key");
  }
  if (!scopes.allow(scope))
    throw ApiError(403, name + ": lacks the scope '" + std::string(name_of(scope)) + "'", {}, "insufficient_scope");
  return name;
}

Headers Access::cors_headers(const HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !is_allowed_origin(origin)) return {};
  return {{"access-control-allow-origin", std::string(origin)},
          {"access-control-allow-headers", "authorization, content-type, x-api-key"},
          {"access-control-allow-methods", "GET, POST, DELETE"},
          {"access-control-expose-headers", "x-request-id, retry-after"},
          {"vary", "Origin"}};
}

}  // namespace tidemill::serve
