// Wire: how an endpoint writes texts down: as one JSON object, or as the events of a stream.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "serve/api_error.h"
#include "serve/choice.h"
#include "serve/options.h"
#include "serve/served_model.h"

namespace tidemill::serve {

// For one request.  Its functions are called one at a time; events are given as they go out, and empty when there is
// nothing to say.
class Wire {
 public:
  virtual ~Wire() = default;

  virtual nlohmann::json whole(const std::vector<Choice>& choices, const Usage& usage) = 0;
  virtual std::string failure_body(const ApiError& error) { return error.body(); }

  virtual std::string begin(size_t n_choices) = 0;
  virtual std::string piece(const Piece& piece) = 0;
  virtual std::string end(const Choice& choice) = 0;  // of one text
  virtual std::string finish(const std::vector<Choice>& choices, const Usage& usage) = 0;
  virtual std::string failure(const ApiError& error) = 0;
};

// OpenAI's older endpoints, whose answers and events are lists of choices.
class ChoicesWire : public Wire {
 public:
  struct Names {
    const char* id_prefix;  // "chatcmpl-"
    const char* object;     // of a whole answer
    const char* chunk;      // of an event
  };
  ChoicesWire(const Names& names, const ServedModel& model, const TextOptions& options);

  nlohmann::json whole(const std::vector<Choice>& choices, const Usage& usage) override;
  std::string begin(size_t n_choices) override;
  std::string piece(const Piece& piece) override;
  std::string end(const Choice& choice) override;
  std::string finish(const std::vector<Choice>& choices, const Usage& usage) override;
  std::string failure(const ApiError& error) override;

 protected:
  // Entries of "choices"; null says nothing.
  virtual nlohmann::json whole_entry(const Choice& choice) = 0;
  virtual nlohmann::json begin_entry(int64_t index) = 0;
  virtual nlohmann::json piece_entry(const Piece& piece) = 0;
  virtual nlohmann::json end_entry(const Choice& choice) = 0;

 private:
  nlohmann::json envelope(const char* object) const;
  std::string chunk(nlohmann::json entry) const;

  Names names_;
  std::string id_;
  int64_t created_;
  std::string model_;
  bool wants_usage_;
};

// An id that no other answer has.
std::string new_id(const char* prefix);

// A server-sent event; `name` may be null.
std::string to_event(const nlohmann::json& data, const char* name = nullptr);

}  // namespace tidemill::serve
