// PythonCalls: calls written as Python's, between two markers:
//   <|tool_call_start|>[weather(city="Paris", days=2)]<|tool_call_end|>
// A call is given out when it is whole: its arguments become JSON.  Calls in JSON between the same markers, which such
// models write when they are asked or forced to, are read as well.
#pragma once

#include <memory>

#include "serve/tools/marked_calls.h"

namespace tidemill::serve {

class PythonCalls : public CallParser {
 public:
  PythonCalls(std::string open, std::string close, IsTool is_tool)
      : is_tool_(std::move(is_tool)), close_(std::move(close)), text_(std::move(open)) {}

  void feed(std::string_view text, std::vector<Part>& parts) override;
  void finish(std::vector<Part>& parts) override;

 private:
  void push(char byte, std::vector<Part>& parts);
  void end_calls(std::string_view source, std::vector<Part>& parts);

  IsTool is_tool_;
  std::string close_;
  MarkedText text_;
  bool is_inside_ = false, has_calls_ = false;
  std::string source_;                 // between the markers
  std::unique_ptr<MarkedCalls> json_;  // reads on from the first marker behind which JSON stood
};

}  // namespace tidemill::serve
