#include "serve/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tidemill/error.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr size_t kMostBytes = 1 << 20;
constexpr int kLeastRsaBits = 2048;
constexpr size_t kCoordinateBytes = 32;  // of P-256 and Ed25519

template <typename T, auto free>
struct Free {
  void operator()(T* object) const { free(object); }
};
using Number = std::unique_ptr<BIGNUM, Free<BIGNUM, BN_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

[[noreturn]] void fail(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::bad_file, where + ": " + why);
}

// The algorithm that a key is for; empty when none here takes it.
std::string algorithm_of(EVP_PKEY* key, const std::string& where) {
  if (EVP_PKEY_is_a(key, "ED25519")) return "EdDSA";
  if (EVP_PKEY_is_a(key, "RSA")) {
    if (EVP_PKEY_get_bits(key) < kLeastRsaBits) fail(where, "an RSA key of less than 2048 bits is not taken");
    return "RS256";
  }
  char group[64] = {};
  if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1 &&
      std::string_view(group) == "prime256v1")
    return "ES256";
  return "";
}

PublicKey checked(EVP_PKEY* key, const std::string& where) {
  PublicKey result;
  result.key.reset(key, EVP_PKEY_free);
  result.algorithm = algorithm_of(key, where);
  if (result.algorithm.empty()) result.key.reset();
  return result;
}

// A field of a JWK in base64url.
std::string field(const json& jwk, const char* name, const std::string& where) {
  const auto found = jwk.find(name);
  const auto bytes =
      found != jwk.end() && found->is_string() ? decode_base64url(found->get<std::string>()) : std::nullopt;
  if (!bytes || bytes->empty()) fail(where, std::string("'") + name + "' is not base64url");
  return *bytes;
}

EVP_PKEY* from_parameters(const char* kind, OSSL_PARAM_BLD* builder) {
  const std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM, OSSL_PARAM_free>> parameters(OSSL_PARAM_BLD_to_param(builder));
  const std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX, EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1)
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
  return key;
}

using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;

EVP_PKEY* rsa_key(const std::string& n, const std::string& e) {
  const Number modulus(BN_bin2bn(bytes_of(n), static_cast<int>(n.size()), nullptr));
  const Number exponent(BN_bin2bn(bytes_of(e), static_cast<int>(e.size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return from_parameters("RSA", builder.get());
}

EVP_PKEY* p256_key(const std::string& x, const std::string& y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return nullptr;
  const std::string point = "\x04" + x + y;  // uncompressed: SEC 1, section 2.3.3
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return from_parameters("EC", builder.get());
}

}  // namespace

PublicKey public_key_of_pem(const std::string& text, const std::string& where) {
  const std::unique_ptr<BIO, Free<BIO, BIO_free_all>> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr);
  if (key == nullptr) fail(where, "is no public key in PEM; make one with `openssl pkey -in PRIVATE.pem -pubout`");
  PublicKey result = checked(key, where);
  if (!result.key) fail(where, "is of a kind that is not taken; give an RSA, P-256 or Ed25519 key");
  return result;
}

PublicKey public_key_of_jwk(const json& jwk, const std::string& where) {
  const auto is = [&](const char* name, const char* value) { return jwk.contains(name) && jwk[name] == value; };
  EVP_PKEY* key = nullptr;
  if (is("kty", "RSA")) {
    key = rsa_key(field(jwk, "n", where), field(jwk, "e", where));
  } else if (is("kty", "EC") && is("crv", "P-256")) {
    key = p256_key(field(jwk, "x", where), field(jwk, "y", where));
  } else if (is("kty", "OKP") && is("crv", "Ed25519")) {
    const std::string x = field(jwk, "x", where);
    key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size());
  } else {
    return {};
  }
  if (key == nullptr) fail(where, "is not a valid public key");
  return checked(key, where);
}

std::optional<std::string> decode_base64url(std::string_view text) {
  const auto value_of = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
  };
  std::string bytes;
  uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    const int value = value_of(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    bytes += static_cast<char>(bits >> n_bits & 0xff);
  }
  // One letter alone makes no byte, and bits that are left over must be 0: then no two texts mean the same bytes.
  if (text.size() % 4 == 1 || (bits & ((1u << n_bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::string as_der(std::string_view signature) {
  if (signature.size() != 2 * kCoordinateBytes) return "";
  const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG, ECDSA_SIG_free>> numbers(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes_of(signature), kCoordinateBytes, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(signature.substr(kCoordinateBytes)), kCoordinateBytes, nullptr);
  if (!numbers || ECDSA_SIG_set0(numbers.get(), r, s) != 1) return "";
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(numbers.get(), &der);
  if (length <= 0) return "";
  const std::string result(reinterpret_cast<const char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return result;
}

std::string read_key_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::not_found, path + ": cannot be read; give a file of keys");
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.empty() || text.size() > kMostBytes) fail(path, "is empty or larger than 1 MiB; is it the right file?");
  return text;
}

}  // namespace tidemill::serve
