// Public keys as JSON Web Keys (RFC 7517, 7518, 8037) and PEM files hold them, and the encodings that come with them.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill::serve {

struct PublicKey {
  std::shared_ptr<EVP_PKEY> key;  // null: of a kind that is not known here
  std::string algorithm;          // that it is for: "RS256", "ES256" or "EdDSA"
};

// Throw bad_file, beginning with `where`, for damaged keys, and for RSA keys of less than 2,048 bits.
PublicKey public_key_of_pem(const std::string& text, const std::string& where);
PublicKey public_key_of_jwk(const nlohmann::json& jwk, const std::string& where);

// The bytes of base64url without padding (RFC 4648 section 5); nothing for anything else.
std::optional<std::string> decode_base64url(std::string_view text);

// An ES256 signature, two numbers of 32 bytes, as OpenSSL wants it; empty when it is not of this form.
std::string as_der(std::string_view signature);

// A file of keys, at most 1 MiB.  Throws not_found and bad_file.
std::string read_key_text(const std::string& path);

}  // namespace tidemill::serve
