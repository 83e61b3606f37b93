#include "serve/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <fstream>

#include "tidemill/error.h"

namespace tidemill::serve {
namespace {

namespace ssl = boost::asio::ssl;

// Of TLS 1.2 only what keeps earlier connections secret when the key gets known, and authenticates what it encrypts.
constexpr const char* kCiphersOf12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

void expect_readable(const std::string& path, const char* flag) {
  if (!std::ifstream(path)) throw Error(ErrorCode::not_found, path + ": cannot be read; see " + flag);
}

// HTTP/1.1 is all that is spoken; a client that offers others as well learns it here (RFC 7301).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_length, void*) {
  static constexpr std::array<unsigned char, 9> kOwn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, length, kOwn.data(), kOwn.size(), offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::optional<ssl::context> make_tls(const TlsOptions& options) {
  if (options.certificate_file.empty() && options.key_file.empty()) return std::nullopt;
  if (options.certificate_file.empty() || options.key_file.empty())
    throw Error(ErrorCode::invalid_argument, "--tls-cert-file and --tls-key-file: need each other; give both or none");
  expect_readable(options.certificate_file, "--tls-cert-file");
  expect_readable(options.key_file, "--tls-key-file");
  std::optional<ssl::context> context(std::in_place, ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, options.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(native, kCiphersOf12);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(native, options.certificate_file.c_str()) != 1)
    throw Error(ErrorCode::bad_file, options.certificate_file + ": is no certificate in PEM");
  if (SSL_CTX_use_PrivateKey_file(native, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(native) != 1)
    throw Error(ErrorCode::bad_file,
                options.key_file + ": is not the private key, in PEM, of " + options.certificate_file);
  return context;
}

}  // namespace tidemill::serve
