// Generation: the texts that one request asks for, and how they become its answer: one JSON object when all have ended,
// or a stream of events.
//
// Threads: `start` runs on a worker's; what follows arrives on the service's thread, one call at a time, and goes to
// the Answer, which waits for nobody.  A client that goes away cancels all texts.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "serve/choice.h"
#include "serve/http.h"
#include "serve/options.h"
#include "serve/served_model.h"
#include "serve/tools/tool_options.h"
#include "serve/wire.h"

namespace tidemill::serve {

class Generation : public std::enable_shared_from_this<Generation> {
 public:
  Generation(ServedModel& model, TextOptions options, std::unique_ptr<Wire> wire, std::shared_ptr<Answer> answer,
             ToolOptions tools = {});

  // Submits options.n texts for each prompt; those of a prompt begin with its text in `echoes`, unless that is empty,
  // and with the log-probabilities of its tokens when those of tokens were asked for.  Throws what Service::submit
  // throws; then nothing was answered.
  void start(const std::vector<std::vector<int32_t>>& prompts, const std::string& client,
             const std::vector<std::string>& echoes = {});
  // Ends all texts; nothing more is answered.
  void cancel();

 private:
  // A text with what looks for calls in it.
  struct Text {
    Choice choice;
    std::unique_ptr<CallParser> parser;  // may be null
  };

  Submission submission(size_t index, std::vector<int32_t> prompt, const std::string& client);
  void echo_scored(Submission& submission, size_t index, const std::string& echo);
  void take_prompt(size_t index, const std::string& echo, std::vector<TokenNote> tokens);
  bool take_event(size_t index, const Event& event);
  void take_end(size_t index, const Result& result);
  void take_error(const Error& error);
  bool take_parts(Text& text, const std::vector<Part>& parts, std::vector<TokenNote> tokens);
  void take_piece(Choice& choice, Piece piece);
  void write(std::string events);
  void finish();

  ServedModel& model_;
  TextOptions options_;
  ToolOptions tools_;
  std::shared_ptr<Answer> answer_;

  std::mutex mutex_;  // guards what follows
  std::unique_ptr<Wire> wire_;
  std::vector<uint64_t> numbers_;
  std::vector<Text> texts_;
  Usage usage_;
  size_t n_left_ = 0;
  bool has_failed_ = false;
};

// JSON as it goes out: text that is not UTF-8 becomes U+FFFD.
std::string to_text(const nlohmann::json& value);

}  // namespace tidemill::serve
