// What one rendering may use (steps, memory, nesting) and how it fails.
//
// Templates come with model files and are hostile until proven otherwise: every loop, copy and allocation that a
// template can ask for is charged here before it happens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::jinja {

inline constexpr size_t kMaxTemplateBytes = 1 << 20;
inline constexpr size_t kMaxTokens = 100'000;      // names, symbols and texts of the source
inline constexpr size_t kMaxTextBytes = 4 << 20;   // the output, and every string on the way to it
inline constexpr size_t kMaxLiveBytes = 32 << 20;  // strings, lists and dicts that a rendering holds at once
inline constexpr int64_t kMaxSteps = 1'000'000;
inline constexpr int kMaxNesting = 64;           // blocks and brackets in the source, JSON, calls of macros
inline constexpr int kMaxValueDepth = 100;       // lists in lists
inline constexpr int kMaxEvaluationDepth = 600;  // interpreter calls within each other; bounds the C++ stack

// Steps are counted in ticks so that small things can cost a part of one.  A tick is some 100 ns at most: all ticks of
// a rendering together take a few seconds, whatever they are spent on.
inline constexpr int64_t kTicksPerStep = 16;

enum class Cause {
  syntax,  // the template is not one
  limit,   // it asks for more than a rendering may use
  value,   // it cannot work with the values at hand: a type error, an undefined value, an unknown filter
  raised,  // it called raise_exception
};

// What everything in this folder throws; chat_template.cpp turns it into a tidemill::Error.
class Failure : public std::runtime_error {
 public:
  Failure(Cause cause, const std::string& why, int line = 0) : std::runtime_error(why), cause_(cause), line_(line) {}
  Cause cause() const { return cause_; }
  int line() const { return line_; }  // 0: the line that was being rendered

 private:
  Cause cause_;
  int line_;
};

[[noreturn]] void fail_value(const std::string& why);
[[noreturn]] void fail_limit(const std::string& why);

// Date and time of the clock on the wall, for strftime_now.
struct CivilTime {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, microsecond = 0;
};

struct Frame;
class Namespace;

class Runtime {
 public:
  explicit Runtime(const CivilTime& now) : now_(now) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Charges work; throws Failure(limit) when the rendering has had its share.
  void spend(int64_t ticks) {
    ticks_left_ -= ticks;
    if (ticks_left_ < 0) fail_steps();
  }
  void step() { spend(kTicksPerStep); }
  // Bytes that are copied or compared in one go.
  void spend_bytes(size_t n_bytes) { spend(static_cast<int64_t>(n_bytes / 256)); }
  // A look at every byte.
  void spend_scan(size_t n_bytes) { spend(static_cast<int64_t>(n_bytes / 32)); }
  // A search for a text of `n_wanted` bytes, which may begin anew at every byte.
  void spend_search(size_t n_bytes, size_t n_wanted) {
    spend_scan(n_bytes);
    spend(static_cast<int64_t>(n_bytes / 256 * (n_wanted / 64)));
  }
  // Work on every character.
  void spend_characters(size_t n_bytes) { spend(static_cast<int64_t>(n_bytes / 8)); }

  // Memory that values hold; `take` throws Failure(limit) when it would be too much.
  void take(size_t n_bytes);
  void give_back(size_t n_bytes) noexcept { live_bytes_ -= n_bytes; }

  // Throws Failure(limit) unless a string may have this size.
  static void check_text_size(size_t n_bytes);

  // The line that is being rendered, for messages.
  int line = 1;
  int evaluation_depth = 0;
  int call_depth = 0;

  const CivilTime& now() const { return now_; }

  // Namespaces and the variables of functions that outlived their call may refer to each other in circles; they are
  // kept here and emptied at the end.
  void keep(std::shared_ptr<Namespace> object) { namespaces_.push_back(std::move(object)); }
  void keep(std::shared_ptr<Frame> frame) { frames_.push_back(std::move(frame)); }

 private:
  [[noreturn]] static void fail_steps();

  int64_t ticks_left_ = kMaxSteps * kTicksPerStep;
  size_t live_bytes_ = 0;
  CivilTime now_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<std::shared_ptr<Frame>> frames_;
};

// Counts one level of recursion for as long as it lives.
class DepthGuard {
 public:
  DepthGuard(int& depth, int limit, const char* what) : depth_(depth) {
    if (depth_ >= limit) fail_limit(std::string(what) + " nested deeper than " + std::to_string(limit) + " levels");
    ++depth_;
  }
  ~DepthGuard() { --depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  int& depth_;
};

// A string that is being put together: it never grows past what a string may have, and its bytes are charged.
class Text {
 public:
  explicit Text(Runtime& runtime) : runtime_(runtime) {}
  ~Text() { runtime_.give_back(text_.size()); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  void append(std::string_view part) {
    charge(part.size());
    text_.append(part);
  }
  void append(size_t count, char byte) {
    charge(count);
    text_.append(count, byte);
  }
  Text& operator+=(std::string_view part) {
    append(part);
    return *this;
  }
  // Makes room for a text of this size at once.
  void expect(size_t n_bytes) {
    Runtime::check_text_size(n_bytes);
    text_.reserve(n_bytes);
  }
  size_t size() const { return text_.size(); }
  std::string_view view() const { return text_; }
  // Moves the text out; the builder is empty then.
  std::string take();

 private:
  void charge(size_t n_bytes);

  Runtime& runtime_;
  std::string text_;
};

}  // namespace tidemill::jinja
