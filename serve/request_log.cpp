#include "serve/request_log.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "tidemill/error.h"

namespace tidemill::serve {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMostPathBytes = 200;

// RFC 3339 in UTC, with milliseconds.
std::string now() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
  const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm parts = {};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 48> text = {};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(milliseconds % 1000));
  return text.data();
}

std::string to_line(const ordered_json& value) {
  return value.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
}

std::string_view level_of(int status) {
  return status >= 500 ? "warning" : "info";
}

}  // namespace

void Log::write(const std::string& line) {
  if (!sink_) return;
  const std::lock_guard lock(mutex_);
  sink_(line);
}

void Log::event(std::string_view level, const std::string& message) {
  if (format_ == LogFormat::json) return write(to_line({{"time", now()}, {"level", level}, {"message", message}}));
  write(level == "info" ? message : std::string(level) + ": " + message);
}

void Log::say(const std::string& message) {
  event("info", message);
}

void Log::warn(const std::string& message) {
  event("warning", message);
}

void Log::answered(const AnsweredRequest& request) {
  if (!tells_requests_) return;
  const std::string path = printable(std::string(request.path), kMostPathBytes);
  if (format_ == LogFormat::json)
    return write(to_line({{"time", now()},
                          {"level", level_of(request.status)},
                          {"message", "request"},
                          {"request_id", request.id},
                          {"method", request.method},
                          {"path", path},
                          {"status", request.status},
                          {"duration_ms", request.milliseconds},
                          {"client", request.client},
                          {"client_left", request.has_gone}}));
  std::array<char, 32> milliseconds = {};
  std::snprintf(milliseconds.data(), milliseconds.size(), "%.1f", request.milliseconds);
  write(now() + " " + std::string(request.id) + " " + std::string(request.method) + " " + path + " " +
        std::to_string(request.status) + " " + milliseconds.data() + " ms, " + std::string(request.client) +
        (request.has_gone ? ", left before the end" : ""));
}

}  // namespace tidemill::serve
