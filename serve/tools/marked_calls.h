// MarkedCalls: calls in JSON behind a marker, one object or a list of them:
//   <tool_call>{"name": ..., "arguments": {...}}</tool_call>          [TOOL_CALLS][{...}, {...}]
#pragma once

#include <optional>

#include "serve/tools/json_call.h"
#include "serve/tools/marked_text.h"

namespace tidemill::serve {

struct Markers {
  std::string open;
  std::string close = {};      // may be missing in what the model writes
  std::string arguments = {};  // "[ARGS]": a name may stand before it or before a bare object of arguments
};

class MarkedCalls : public CallParser {
 public:
  MarkedCalls(Markers markers, IsTool is_tool)
      : markers_(std::move(markers)), is_tool_(std::move(is_tool)), text_(markers_.open) {}

  void feed(std::string_view text, std::vector<Part>& parts) override;
  void finish(std::vector<Part>& parts) override;

 private:
  enum class Place { text, opened, name, call, between, closing };

  void push(char byte, std::vector<Part>& parts);
  void open(char byte, std::vector<Part>& parts);
  void push_name(char byte, std::vector<Part>& parts);
  void push_call(char byte, std::vector<Part>& parts);
  void push_between(char byte, std::vector<Part>& parts);
  void close(char byte, std::vector<Part>& parts);
  void give_up(std::vector<Part>& parts);

  Markers markers_;
  IsTool is_tool_;
  MarkedText text_;
  Place place_ = Place::text;
  bool is_list_ = false, has_calls_ = false;
  std::string taken_;  // since the marker, until a call has begun; the name or closing marker that is read
  std::optional<JsonCall> call_;
};

}  // namespace tidemill::serve
