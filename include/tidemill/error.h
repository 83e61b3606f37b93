// Errors: one exception type with a code and one sentence that says what to do.
//
// The library throws for what a caller can cause (a bad file, a wrong shape, a full queue) and never aborts, exits or
// prints.  Front ends translate codes to their own world with the table in src/api/error_map.cpp.
#pragma once

#include <stdexcept>
#include <string>

namespace tidemill {

enum class ErrorCode {
  invalid_argument,  // the caller asked for something that makes no sense: wrong shape, option out of range
  not_found,         // a file or model name that does not exist
  bad_file,          // a file that is damaged, truncated or hostile
  unsupported,       // a valid file or request that this build cannot serve: unknown architecture, dtype
  out_of_memory,     // the work would not fit
  context_full,      // the sequence reached the context length
  queue_full,        // too many requests wait; try again later
  cancelled,         // the caller asked to stop
  io,                // the system refused to read or write
  internal,          // our own mistake
};

// The name of a code as JSON and logs spell it, e.g. "bad_file".
const char* to_string(ErrorCode code);

// Process exit status of `tidemill` for a code: 1 the work failed, 2 wrong usage, 3 bad or unsupported file,
// 4 not enough memory, 130 interrupted.
int exit_status(ErrorCode code);

// What every failing call of the library throws.  `what()` is one line, "THING: WHY; WHAT TO DO", and may quote text
// from files: front ends pass it through `printable` before showing it.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

// A message made safe to show: control characters become '?', invalid UTF-8 becomes '?', and it is cut to
// `max_bytes` bytes at a character border (an ellipsis marks the cut).
std::string printable(const std::string& message, size_t max_bytes = 480);

}  // namespace tidemill
