// Access: who may ask.  A server on this machine's own address is reachable from any web page that the user visits, so
// Host and Origin are checked (DNS rebinding; CVE-2024-28224 in another server); anybody else needs a key.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http.h"

namespace tidemill::serve {

class Access {
 public:
  // Hosts that requests may name; "*" stands for any.  Loopback's names are always among them.
  void allow_host(const std::string& host) { hosts_.push_back(host); }
  // Origins, such as "https://example.org", whose pages may ask.
  void allow_origin(const std::string& origin) { origins_.push_back(origin); }
  // A key, as "NAME:KEY" or "KEY", that clients send as "Authorization: Bearer KEY"; only its SHA-256 is kept.  With
  // any key, all need one.  Throws bad_file, beginning with `where`, for keys of less than 16 characters.
  void add_key(const std::string& text, const std::string& where);
  // Keys from a file with one a line; empty lines and those that begin with # are skipped.  Throws not_found, and
  // bad_file as above.
  void add_keys_of(const std::string& path);
  bool has_keys() const { return !keys_.empty(); }

  // Throws ApiError 403 for a Host or Origin that is not allowed.
  void check_origin(const HttpRequest& request) const;
  // The name of the request's key; empty when no keys are asked for.  Throws ApiError 401.
  std::string check_key(const HttpRequest& request) const;
  // What a browser wants to see when it may ask; empty for others.
  Headers cors_headers(const HttpRequest& request) const;

 private:
  using Digest = std::array<uint8_t, 32>;
  static Digest digest_of(std::string_view key);
  bool is_allowed_origin(std::string_view origin) const;

  struct Key {
    std::string name;
    Digest digest;
  };
  std::vector<std::string> hosts_ = {"localhost", "127.0.0.1", "[::1]"};
  std::vector<std::string> origins_;
  std::vector<Key> keys_;
};

}  // namespace tidemill::serve
