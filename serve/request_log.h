// Log: what the server says of itself and of each request, as text for people or JSON for programs, one line each.
// Bodies, queries and keys never get here.  All functions may be called from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace tidemill::serve {

enum class LogFormat { text, json };

struct AnsweredRequest {
  std::string_view id;
  std::string_view method;
  std::string_view path;
  std::string_view client;  // the name of the key, else the address
  int status = 0;
  double milliseconds = 0;
  bool has_gone = false;  // the client left before the end
};

class Log {
 public:
  // `sink` gets whole lines without their ends, one at a time; an empty one silences everything.
  Log(LogFormat format, bool tells_requests, std::function<void(const std::string& line)> sink)
      : format_(format), tells_requests_(tells_requests), sink_(std::move(sink)) {}

  void say(const std::string& message);
  void warn(const std::string& message);
  void answered(const AnsweredRequest& request);

 private:
  void event(std::string_view level, const std::string& message);
  void write(const std::string& line);

  LogFormat format_;
  bool tells_requests_;
  std::mutex mutex_;  // one line at a time
  std::function<void(const std::string& line)> sink_;
};

}  // namespace tidemill::serve
