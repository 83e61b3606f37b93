// MessagesWire: the answers of Anthropic's /v1/messages: a message of blocks, each text or a call, and events that
// build it.  https://docs.anthropic.com/en/api/messages-streaming
#pragma once

#include "serve/wire.h"

namespace tidemill::serve {

class MessagesWire : public Wire {
 public:
  MessagesWire(const ServedModel& model, int64_t n_prompt_tokens);

  nlohmann::json whole(const std::vector<Choice>& choices, const Usage& usage) override;
  std::string failure_body(const ApiError& error) override;
  std::string begin(size_t n_choices) override;
  std::string piece(const Piece& piece) override;
  std::string end(const Choice& choice) override;
  std::string finish(const std::vector<Choice>& choices, const Usage& usage) override;
  std::string failure(const ApiError& error) override;

 private:
  enum class Block { none, text, call };

  nlohmann::json message() const;
  std::string begin_block(Block block, nlohmann::json content);
  std::string delta(nlohmann::json delta) const;
  std::string end_block();

  std::string id_, model_;
  int64_t n_prompt_tokens_;
  Block block_ = Block::none;  // that is being written
  int64_t n_blocks_ = 0;
};

// An error in Anthropic's form.
std::string messages_error(const ApiError& error);

}  // namespace tidemill::serve
