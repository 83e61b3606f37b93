// SocketAnswer: the answer to one of the texts of a WebSocket: events of its stream become messages.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "serve/http.h"
#include "serve/socket_session.h"

namespace tidemill::serve {

class SocketAnswer : public Answer {
 public:
  // `lease` keeps the models that the answer may come from.
  SocketAnswer(std::weak_ptr<SocketSession> session, std::string id, ServedModels::Lease lease)
      : lease_(std::move(lease)), session_(std::move(session)), id_(std::move(id)) {}

  void send(HttpResponse response) override;
  void begin_stream(std::string) override {}
  void write(std::string piece) override;
  void end_stream() override;
  void on_gone(std::function<void()> cancel) override;

  // Nobody wants it any more; nothing is sent from now on.
  void cancel();

 private:
  void tell(const char* type, std::string_view members, bool is_last);

  ServedModels::Lease lease_;
  std::weak_ptr<SocketSession> session_;
  std::string id_;
  std::mutex mutex_;  // guards what follows
  bool is_over_ = false;
  std::function<void()> cancel_;
};

}  // namespace tidemill::serve
