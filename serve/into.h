// Waiting without exceptions: in a server the ends of connections and timers are ordinary.
#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

namespace tidemill::serve {

// For co_await: what fails leaves its reason in `error`.
inline auto into(boost::system::error_code& error) {
  return boost::asio::redirect_error(boost::asio::use_awaitable, error);
}

}  // namespace tidemill::serve
