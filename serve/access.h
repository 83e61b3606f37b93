// Access: who may ask.  A server on this machine's own address is reachable from any web page that the user visits, so
// Host and Origin are checked (DNS rebinding; CVE-2024-28224 in another server); anybody else needs a key.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http.h"
#include "serve/jwt.h"
#include "serve/scope.h"

namespace tidemill::serve {

class Access {
 public:
  // Hosts that requests may name; "*" stands for any.  Loopback's names are always among them.
  void allow_host(const std::string& host) { hosts_.push_back(host); }
  // Origins (never "*": throws invalid_argument), such as "https://example.org", whose pages may ask.
  void allow_origin(const std::string& origin);
  // A key, as "[NAME:]KEY" or "[NAME:]KEY SCOPE,SCOPE", that clients send as "Authorization: Bearer KEY"; only its
  // SHA-256 is kept.  With any key, all need one.  Throws bad_file, beginning with `where`, for keys of less than 16
  // characters.
  void add_key(const std::string& text, const std::string& where);
  // Keys from a file with one a line; empty lines and those that begin with # are skipped.  Throws not_found, and
  // bad_file as above.
  void add_keys_of(const std::string& path);
  // Tokens that count as well.
  void set_jwt(std::unique_ptr<const JwtVerifier> verifier) { jwt_ = std::move(verifier); }
  bool has_authentication() const { return !keys_.empty() || jwt_; }

  // Throws ApiError 403 for a Host or Origin that is not allowed.
  void check_origin(const HttpRequest& request) const;
  // Who asks: "key NAME", "jwt SUBJECT", or empty when nobody has to say it.  Throws ApiError 401, and 403 for a key or
  // token without the scope.  Without authentication nobody is an administrator.
  std::string identify(const HttpRequest& request, Scope scope) const;
  // What a browser wants to see when it may ask; empty for others.
  Headers cors_headers(const HttpRequest& request) const;

 private:
  using Digest = std::array<uint8_t, 32>;
  static Digest digest_of(std::string_view key);
  bool is_allowed_origin(std::string_view origin) const;

  struct Key {
    std::string name;
    Scopes scopes;
    Digest digest;
  };
  std::vector<std::string> hosts_ = {"localhost", "127.0.0.1", "[::1]"};
  std::vector<std::string> origins_;
  const Key* find_key(std::string_view key) const;

  std::vector<Key> keys_;
  std::unique_ptr<const JwtVerifier> jwt_;
};

}  // namespace tidemill::serve
