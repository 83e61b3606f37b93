// JsonCall: reads one call written as {"name": NAME, "arguments": {...}} while it comes, so that its arguments can be
// passed on in pieces.  "parameters" (Llama) means the same; other members are skipped.
#pragma once

#include "serve/tools/call_parser.h"

namespace tidemill::serve {

class JsonCall {
 public:
  enum class State { open, done, failed };

  explicit JsonCall(const IsTool& is_tool) : is_tool_(is_tool) {}
  // A call whose name is already told: what comes is only the object of its arguments.
  static JsonCall arguments_of(const IsTool& is_tool, std::string_view name, std::vector<Part>& parts);

  // Takes the next byte of the object, which begins with '{'.  Once done or failed nothing more may come.
  State push(char byte, std::vector<Part>& parts);
  // The name of a tool was read: parts were given out.  Before that a failed call can be taken back as text().
  bool has_begun() const { return has_begun_; }
  // All that was pushed before it began.
  const std::string& text() const { return text_; }

 private:
  enum class Step { open_brace, key, colon, value, comma, done, failed };

  void begin_value(char byte, std::vector<Part>& parts);
  void push_value(char byte, std::vector<Part>& parts);
  void end_value(std::vector<Part>& parts);
  void push_between(char byte, std::vector<Part>& parts);
  void set_name(std::vector<Part>& parts);
  void give(std::string piece, std::vector<Part>& parts);
  void end(std::vector<Part>& parts);
  bool is_arguments() const { return key_ == "arguments" || key_ == "parameters"; }

  const IsTool& is_tool_;
  Step step_ = Step::open_brace;
  bool has_begun_ = false, has_arguments_ = false, is_bare_ = false;
  std::string text_;       // until it has begun
  std::string key_;        // of the member that is read
  std::string token_;      // the string or other value that is read, as written
  std::string arguments_;  // that came before the name
  // Inside of a string or of a nested value:
  bool is_in_string_ = false, is_escaped_ = false;
  int depth_ = 0;
};

}  // namespace tidemill::serve
