#include "serve/jwt.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "serve/api_error.h"
#include "serve/jwk.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr size_t kMostTokenBytes = 16 << 10;
constexpr size_t kShortestSecret = 16;
constexpr std::string_view kAlgorithms[] = {"HS256", "RS256", "ES256", "EdDSA"};

[[noreturn]] void refuse(const std::string& why) {
  throw ApiError(401, "the token " + why, {}, "invalid_token");
}

// A part of a token as a JSON object.
json object_of(std::string_view part, const char* what) {
  const auto bytes = decode_base64url(part);
  const json value = bytes ? json::parse(*bytes, nullptr, false) : json();
  if (!value.is_object()) refuse(std::string("is damaged: its ") + what + " is not a JSON object");
  return value;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// A time claim; nothing when it is absent.
std::optional<double> time_of(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::nullopt;
  if (!found->is_number() || !std::isfinite(found->get<double>()))
    refuse(std::string("has no number as '") + name + "'");
  return found->get<double>();
}

bool names_audience(const json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return *found == audience;
  return found->is_array() && std::find(found->begin(), found->end(), json(audience)) != found->end();
}

// "infer embed", or a list.
void add_scopes(const json& claims, const char* name, JwtClaims& result) {
  const auto found = claims.find(name);
  if (found == claims.end()) return;
  result.has_scopes = true;
  if (found->is_string()) {
    std::istringstream words(found->get<std::string>());
    for (std::string word; words >> word;) result.scopes.push_back(word);
  } else if (found->is_array()) {
    for (const json& entry : *found)
      if (entry.is_string()) result.scopes.push_back(entry);
  }
}

}  // namespace

JwtVerifier::JwtVerifier(const JwtOptions& options) : options_(options) {
  if (!options_.key_file.empty()) read_key_file(options_.key_file);
  if (!options_.jwks_file.empty()) read_jwks_file(options_.jwks_file);
  check_algorithms();
}

void JwtVerifier::check_algorithms() {
  for (const std::string& algorithm : options_.algorithms) {
    if (std::find(std::begin(kAlgorithms), std::end(kAlgorithms), algorithm) == std::end(kAlgorithms))
      throw Error(ErrorCode::invalid_argument,
                  "--jwt-algorithm: '" + algorithm + "' is none of HS256, RS256, ES256 and EdDSA");
    if (std::none_of(keys_.begin(), keys_.end(), [&](const Key& key) { return key.algorithm == algorithm; }))
      throw Error(ErrorCode::invalid_argument,
                  "--jwt-algorithm: there is no key for " + algorithm + "; see --jwt-key-file and --jwt-jwks-file");
  }
  if (options_.algorithms.empty()) return;
  std::erase_if(keys_, [&](const Key& key) {
    return std::find(options_.algorithms.begin(), options_.algorithms.end(), key.algorithm) ==
           options_.algorithms.end();
  });
}

void JwtVerifier::read_key_file(const std::string& path) {
  std::string text = read_key_text(path);
  if (text.find("-----BEGIN") == std::string::npos) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.size() < kShortestSecret)
      throw Error(ErrorCode::bad_file, path + ": the secret is shorter than " + std::to_string(kShortestSecret) +
                                           " characters; make one with `openssl rand -hex 32`");
    keys_.push_back({.id = "", .algorithm = "HS256", .secret = text});
    return;
  }
  PublicKey key = public_key_of_pem(text, path);
  keys_.push_back({.id = "", .algorithm = key.algorithm, .secret = "", .public_key = std::move(key.key)});
}

void JwtVerifier::read_jwks_file(const std::string& path) {
  const json set = json::parse(read_key_text(path), nullptr, false);
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array())
    throw Error(ErrorCode::bad_file, path + ": is not a JSON Web Key Set; give one with a list 'keys'");
  size_t index = 0;
  for (const json& jwk : set["keys"]) add_jwk(jwk, path + ": key " + std::to_string(index++));
  if (keys_.empty()) throw Error(ErrorCode::bad_file, path + ": holds no key for signatures");
}

void JwtVerifier::add_jwk(const json& jwk, const std::string& where) {
  if (!jwk.is_object()) throw Error(ErrorCode::bad_file, where + ": is not an object");
  if (const std::string use = text_of(jwk, "use"); !use.empty() && use != "sig") return;
  Key key = {.id = text_of(jwk, "kid"), .algorithm = "", .secret = ""};
  if (text_of(jwk, "kty") == "oct") {
    const auto secret = decode_base64url(text_of(jwk, "k"));
    if (!secret || secret->size() < kShortestSecret)
      throw Error(ErrorCode::bad_file, where + ": 'k' is not a secret of at least " + std::to_string(kShortestSecret) +
                                           " bytes in base64url");
    key.algorithm = "HS256";
    key.secret = *secret;
  } else {
    PublicKey public_key = public_key_of_jwk(jwk, where);
    if (!public_key.key) return;  // of a kind that none of the algorithms takes
    key.algorithm = public_key.algorithm;
    key.public_key = std::move(public_key.key);
  }
  // A key that says what it is for is for nothing else.
  if (const std::string named = text_of(jwk, "alg"); !named.empty() && named != key.algorithm) return;
  keys_.push_back(std::move(key));
}

bool JwtVerifier::is_token(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') == 2;
}

bool JwtVerifier::is_signed_by(const Key& key, std::string_view signed_part, std::string_view signature) const {
  const auto* data = reinterpret_cast<const unsigned char*>(signed_part.data());
  if (key.algorithm == "HS256") {
    std::array<unsigned char, EVP_MAX_MD_SIZE> expected;
    unsigned int length = 0;
    HMAC(EVP_sha256(), key.secret.data(), static_cast<int>(key.secret.size()), data, signed_part.size(),
         expected.data(), &length);
    return signature.size() == length && CRYPTO_memcmp(expected.data(), signature.data(), length) == 0;
  }
  const std::string bytes = key.algorithm == "ES256" ? as_der(signature) : std::string(signature);
  if (bytes.empty()) return false;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const EVP_MD* digest = key.algorithm == "EdDSA" ? nullptr : EVP_sha256();
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), data,
                          signed_part.size()) == 1;
}

void JwtVerifier::check_signature(const json& header, std::string_view signed_part, std::string_view signature) const {
  const std::string algorithm = text_of(header, "alg"), id = text_of(header, "kid");
  if (header.contains("crit")) refuse("asks for extensions that are not known here ('crit')");
  bool has_key = false;
  for (const Key& key : keys_) {
    if (key.algorithm != algorithm || (!id.empty() && !key.id.empty() && key.id != id)) continue;
    has_key = true;
    if (is_signed_by(key, signed_part, signature)) return;
  }
  refuse(has_key ? "has a wrong signature" : "is signed by an algorithm or key that is not taken here");
}

void JwtVerifier::check_claims(const json& claims, int64_t now) const {
  const auto time = static_cast<double>(now), leeway = static_cast<double>(options_.leeway_seconds);
  const auto expires = time_of(claims, "exp"), begins = time_of(claims, "nbf");
  if (!expires) refuse("has no 'exp'");
  if (time >= *expires + leeway) refuse("has expired");
  if (begins && time < *begins - leeway) refuse("is not valid yet");
  if (!options_.issuer.empty() && text_of(claims, "iss") != options_.issuer) refuse("is of another issuer");
  if (!options_.audience.empty() && !names_audience(claims, options_.audience)) refuse("is for somebody else");
}

JwtClaims JwtVerifier::verify(std::string_view token, int64_t now) const {
  if (token.size() > kMostTokenBytes) refuse("is larger than 16 KiB");
  const size_t first = token.find('.'), last = token.rfind('.');
  if (first == std::string_view::npos || first == last) refuse("is no JSON Web Token");
  const auto signature = decode_base64url(token.substr(last + 1));
  if (!signature) refuse("is damaged: its signature is not base64url");
  const json header = object_of(token.substr(0, first), "header");
  check_signature(header, token.substr(0, last), *signature);
  const json claims = object_of(token.substr(first + 1, last - first - 1), "claims");
  check_claims(claims, now);
  JwtClaims result = {.subject = text_of(claims, "sub"), .scopes = {}};
  for (const char* name : {"scope", "scp", "scopes"}) add_scopes(claims, name, result);
  return result;
}

}  // namespace tidemill::serve
