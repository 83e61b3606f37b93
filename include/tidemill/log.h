// Log sink: the library says what it does through one function that the application may replace.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace tidemill {

enum class LogLevel { debug, info, warning, error };

using LogSink = std::function<void(LogLevel, std::string_view message)>;

// Replaces the sink; an empty function silences the library (the default).  Thread-safe.
void set_log_sink(LogSink sink);

// Sends one line, without a line end, to the sink.  Thread-safe; the sink is never called twice at once.
void log(LogLevel level, std::string_view message);

}  // namespace tidemill
