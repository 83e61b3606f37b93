// Connections: HTTP/1.1 over TCP.  One coroutine a connection reads a request, hands it to a worker thread, and writes
// what its Answer receives; all coroutines run on one thread, for none of them computes.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>

#include "serve/app.h"
#include "serve/limits.h"
#include "serve/request_log.h"

namespace tidemill::serve {

// What all connections of a server share.
struct Connections {
  App& app;
  Limits limits;
  Log& log;
  boost::asio::ssl::context* tls;       // null: nothing is encrypted
  boost::asio::thread_pool workers{2};  // where requests are read and prompts become tokens
  std::atomic<int64_t> n_answering = 0;
  // Called when the server begins to stop, by whoever wants to know; only for the connections' thread.
  std::map<const void*, std::function<void()>> at_drain = {};
};

// Serves `socket` until either side has enough.
boost::asio::awaitable<void> serve_connection(boost::asio::ip::tcp::socket socket, Connections& connections);

}  // namespace tidemill::serve
