// Generation: the texts that one request asks for, and how they become its answer: one JSON object when all have ended,
// or a stream of server-sent events.
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

#include "serve/http.h"
#include "serve/options.h"
#include "serve/served_model.h"

namespace tidemill::serve {

// A token as answers tell of it: its own log-probability first, then those of the most likely ones.
using TokenNote = std::vector<TokenLogprob>;

// One of the texts.
struct Choice {
  int64_t index = 0;
  std::string text = {};
  std::vector<TokenNote> tokens = {};  // when log-probabilities were asked for
  const char* finish_reason = "stop";
};

// How an endpoint writes texts down.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual const char* id_prefix() const = 0;     // "chatcmpl-"
  virtual const char* object() const = 0;        // of a whole answer
  virtual const char* chunk_object() const = 0;  // of a piece of a stream
  // Entries of "choices".  A piece that has nothing to say is null.
  virtual nlohmann::json whole(const Choice& choice) const = 0;
  virtual nlohmann::json begin(int64_t index) const = 0;
  virtual nlohmann::json piece(const Choice& piece) const = 0;
  virtual nlohmann::json end(const Choice& choice) const = 0;
};

class Generation : public std::enable_shared_from_this<Generation> {
 public:
  Generation(ServedModel& model, TextOptions options, std::unique_ptr<const Wire> wire, std::shared_ptr<Answer> answer);

  // Submits options.n texts for each prompt.  Throws what Service::submit throws; then nothing was answered.
  void start(const std::vector<std::vector<int32_t>>& prompts, const std::string& client);

 private:
  Submission submission(size_t index, std::vector<int32_t> prompt, const std::string& client);
  bool take_event(size_t index, const Event& event);
  void take_end(size_t index, const Result& result);
  void take_error(const Error& error);
  void cancel();
  void write_chunk(nlohmann::json choice);
  void write(const nlohmann::json& event);
  void finish();
  nlohmann::json envelope(const char* object) const;

  ServedModel& model_;
  TextOptions options_;
  std::unique_ptr<const Wire> wire_;
  std::shared_ptr<Answer> answer_;
  std::string id_;
  int64_t created_;

  std::mutex mutex_;  // guards what follows
  std::vector<uint64_t> numbers_;
  std::vector<Choice> choices_;
  Usage usage_;
  size_t n_left_ = 0;
  bool has_failed_ = false;
};

// JSON as it goes out: text that is not UTF-8 becomes U+FFFD.
std::string to_text(const nlohmann::json& value);

}  // namespace tidemill::serve
