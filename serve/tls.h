// TLS: the server's certificate and what it agrees to.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <optional>
#include <string>

#include "serve/tls_options.h"

namespace tidemill::serve {

// Nothing when no certificate is named.  Throws not_found, bad_file for what is no certificate or not its key, and
// invalid_argument for a certificate without a key.
std::optional<boost::asio::ssl::context> make_tls(const TlsOptions& options);

}  // namespace tidemill::serve
