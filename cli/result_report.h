// What commands that write texts say of them.
#pragma once

#include <string>

#include "tidemill/engine.h"

namespace tidemill::cli {

// An EventSink that writes to standard output; false when nobody reads it any more.
bool write_piece(const Event& event);

// Speeds and memory, to standard error.
void print_summary(const Result& result);

// What follows a text that write_piece has written: its summary; or all of it as one line of JSON, when nothing was.
void print_result(const Result& result, bool as_json);

}  // namespace tidemill::cli
