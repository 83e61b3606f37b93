// CallParser: tells the tool calls in what a model writes from its text, while it is being written.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::serve {

// What became certain.
struct Part {
  enum class Kind {
    text,       // of the message
    call,       // a call begins; `text` is the name of its tool
    arguments,  // of the call that began last: JSON, in pieces
  };
  Kind kind;
  std::string text;
};

// Says whether a tool of this name may be called.  What names no such tool stays text.
using IsTool = std::function<bool(std::string_view name)>;

// Parts do not depend on how the text is cut, only how texts and arguments are cut does.
class CallParser {
 public:
  virtual ~CallParser() = default;
  // Appends to `parts` what became certain with `text`.
  virtual void feed(std::string_view text, std::vector<Part>& parts) = 0;
  // Appends what is left: a call that was not finished stays as it is, one that did not yet name its tool is text.
  virtual void finish(std::vector<Part>& parts) = 0;
};

}  // namespace tidemill::serve
