// ResponsesWire: the answers of OpenAI's /v1/responses: a list of items, each a message or a call, and events that
// build them.  https://platform.openai.com/docs/api-reference/responses-streaming
#pragma once

#include "serve/wire.h"

namespace tidemill::serve {

class ResponsesWire : public Wire {
 public:
  // `echo` are the members of the answer that repeat the request.
  ResponsesWire(const ServedModel& model, nlohmann::json echo);

  nlohmann::json whole(const std::vector<Choice>& choices, const Usage& usage) override;
  std::string begin(size_t n_choices) override;
  std::string piece(const Piece& piece) override;
  std::string end(const Choice& choice) override;
  std::string finish(const std::vector<Choice>& choices, const Usage& usage) override;
  std::string failure(const ApiError& error) override;

 private:
  nlohmann::json response(const char* status) const;
  nlohmann::json ended_response(const Choice& choice, const Usage& usage) const;
  std::string event(const char* type, nlohmann::json members);
  std::string item_event(const char* type, nlohmann::json members);
  std::string begin_item(nlohmann::json item);
  std::string end_item(const char* status);

  nlohmann::json envelope_;
  nlohmann::json items_ = nlohmann::json::array();  // the last is being written while is_open_
  bool is_open_ = false;
  int64_t n_events_ = 0;
};

}  // namespace tidemill::serve
