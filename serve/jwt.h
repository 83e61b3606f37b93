// JSON Web Tokens (RFC 7519): a server that knows the issuer's key need not know its users.
//
// Which algorithms count is said by the configuration, and a key counts for the algorithms of its own kind only: never
// is a public key taken for a secret, or "none" for an algorithm (RFC 8725).
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::serve {

struct JwtOptions {
  std::string key_file = {};                 // a PEM public key, or the secret of HS256 in a file of its own
  std::string jwks_file = {};                // a JSON Web Key Set (RFC 7517)
  std::vector<std::string> algorithms = {};  // of HS256, RS256, ES256, EdDSA; empty: those of the keys' kinds
  std::string issuer = {};                   // "iss" that tokens must have; empty: any
  std::string audience = {};                 // that "aud" must name; empty: any
  int64_t leeway_seconds = 30;               // between the clocks
};

// What a token says of who sends it.
struct JwtClaims {
  std::string subject;
  std::vector<std::string> scopes;  // of "scope" (RFC 8693), "scp" or "scopes"
  bool has_scopes = false;
};

// May be used from any thread.
class JwtVerifier {
 public:
  // Reads the keys.  Throws not_found, bad_file for what is no key, and invalid_argument for an algorithm that is
  // unknown or has no key.
  explicit JwtVerifier(const JwtOptions& options);

  // Throws ApiError 401 that says what is wrong, but quotes nothing.  `now`: seconds since 1970.
  JwtClaims verify(std::string_view token, int64_t now) const;
  // Whether it has the form of one: three parts with dots between them.
  static bool is_token(std::string_view text);

 private:
  struct Key {
    std::string id;  // "kid"; empty: none
    std::string algorithm;
    std::string secret;                              // of HS256
    std::shared_ptr<EVP_PKEY> public_key = nullptr;  // of the others
  };

  void read_key_file(const std::string& path);
  void read_jwks_file(const std::string& path);
  void add_jwk(const nlohmann::json& jwk, const std::string& where);
  void check_algorithms();
  bool is_signed_by(const Key& key, std::string_view signed_part, std::string_view signature) const;
  void check_signature(const nlohmann::json& header, std::string_view signed_part, std::string_view signature) const;
  void check_claims(const nlohmann::json& claims, int64_t now) const;

  JwtOptions options_;
  std::vector<Key> keys_;
};

}  // namespace tidemill::serve
