// The process's one log sink.
#include "tidemill/log.h"

#include <atomic>
#include <mutex>
#include <utility>

namespace tidemill {
namespace {

std::mutex sink_mutex;
LogSink sink;                        // guarded by sink_mutex
std::atomic<bool> has_sink = false;  // lets a silent library skip the lock
thread_local bool inside_sink = false;

}  // namespace

void set_log_sink(LogSink new_sink) {
  const std::lock_guard lock(sink_mutex);
  has_sink = static_cast<bool>(new_sink);
  sink = std::move(new_sink);
}

void log(LogLevel level, std::string_view message) {
  // A sink that calls the library may come back here; its line is dropped, for waiting would be forever.
  if (!has_sink.load(std::memory_order_relaxed) || inside_sink) return;
  const std::lock_guard lock(sink_mutex);
  if (!sink) return;
  struct Inside {
    Inside() { inside_sink = true; }
    ~Inside() { inside_sink = false; }
  } inside;
  sink(level, message);
}

}  // namespace tidemill
