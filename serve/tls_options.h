// What TLS needs, told without its library.
#pragma once

#include <string>

namespace tidemill::serve {

struct TlsOptions {
  std::string certificate_file = {};  // PEM, with the chain up to the root; empty: no TLS
  std::string key_file = {};          // PEM
  bool only_1_3 = false;              // else TLS 1.2 as well
};

}  // namespace tidemill::serve
