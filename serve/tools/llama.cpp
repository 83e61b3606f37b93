// Llama 3.1 to 3.3: an answer that is nothing but {"name": ..., "parameters": {...}}, or several with semicolons
// between them, perhaps behind <|python_tag|>. https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/
#include <optional>

#include "serve/tools/formats.h"
#include "serve/tools/json_call.h"
#include "serve/tools/marked_text.h"

namespace tidemill::serve {
namespace {

constexpr std::string_view kTag = "<|python_tag|>";

class LlamaCalls : public CallParser {
 public:
  explicit LlamaCalls(IsTool is_tool) : is_tool_(std::move(is_tool)) {}

  void feed(std::string_view text, std::vector<Part>& parts) override {
    for (const char byte : text) push(byte, parts);
  }

  void finish(std::vector<Part>& parts) override {
    if (!has_calls_) give_up(parts);
  }

 private:
  void push(char byte, std::vector<Part>& parts) {
    if (is_text_) return give_text({&byte, 1}, parts);
    if (call_) return push_call(byte, parts);
    const bool is_between = byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t' || (has_calls_ && byte == ';');
    if (byte == '{') {
      call_.emplace(is_tool_);
      return push_call(byte, parts);
    }
    taken_ += byte;
    if (is_between) return;
    tag_ += byte;
    if (!kTag.starts_with(tag_)) return give_up(parts);
    if (tag_ == kTag) tag_.clear();
  }

  void push_call(char byte, std::vector<Part>& parts) {
    const JsonCall::State state = call_->push(byte, parts);
    if (call_->has_begun()) {
      has_calls_ = true;
      taken_.clear();
    }
    if (state == JsonCall::State::failed) give_up(parts);
    if (state == JsonCall::State::done) call_.reset();
  }

  // It is an ordinary answer.
  void give_up(std::vector<Part>& parts) {
    if (!call_ || !call_->has_begun()) give_text(taken_ + (call_ ? call_->text() : ""), parts);
    call_.reset();
    taken_.clear();
    is_text_ = true;
  }

  IsTool is_tool_;
  std::optional<JsonCall> call_;
  bool is_text_ = false, has_calls_ = false;
  std::string taken_;  // since the last call, until the next has begun
  std::string tag_;    // as much of the tag as has come
};

}  // namespace

bool is_llama(std::string_view source) {
  return source.find(R"("parameters": dictionary)") != std::string_view::npos;
}

std::unique_ptr<CallParser> make_llama(IsTool is_tool) {
  return std::make_unique<LlamaCalls>(std::move(is_tool));
}

}  // namespace tidemill::serve
