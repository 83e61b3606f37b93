// Choice: one of the texts that a request asks for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidemill/engine.h"

namespace tidemill::serve {

// A token as answers tell of it: its own log-probability first, which is NaN where it has none, then those of the most
// likely ones.
using TokenNote = std::vector<TokenLogprob>;

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments = {};  // JSON, as the model wrote it
};

// More of a call: id and name where it begins, arguments where they go on.
struct CallDelta {
  size_t index = 0;  // of the call in its choice
  std::string id = {};
  std::string name = {};
  std::string arguments = {};
};

// What became certain of a choice: text or calls, or nothing but a token.
struct Piece {
  int64_t index = 0;  // of the choice
  std::string text = {};
  std::vector<CallDelta> calls = {};
  std::vector<TokenNote> tokens = {};  // when log-probabilities were asked for
};

struct Choice {
  int64_t index = 0;
  std::string text = {};
  std::vector<ToolCall> calls = {};
  std::vector<TokenNote> tokens = {};
  const char* finish_reason = "stop";  // OpenAI's words: "stop", "length", "tool_calls"
  std::string stop = {};               // the stop string that ended it; empty when something else did
};

}  // namespace tidemill::serve
