#include "serve/tools/python_literals.h"

#include <algorithm>

namespace tidemill::serve {
namespace {

using nlohmann::ordered_json;

constexpr int kMaxDepth = 32;

bool is_letter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}
bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

// Thrown where the text is not what it should be; never leaves this file.
struct NotPython {};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<PythonCall> calls() {
    const bool is_list = take('[');
    std::vector<PythonCall> calls;
    while (!at_end() && !(is_list && peek() == ']')) {
      calls.push_back(call());
      take(',') || take(';');
    }
    if (is_list) expect(']');
    if (!at_end() || calls.empty()) throw NotPython();
    return calls;
  }

 private:
  PythonCall call() {
    PythonCall call{.name = name(), .arguments = ordered_json::object()};
    expect('(');
    while (peek() != ')') {
      const std::string key = name();
      expect('=');
      call.arguments[key] = value(0);
      if (!take(',')) break;
    }
    expect(')');
    return call;
  }

  ordered_json value(int depth) {
    if (depth > kMaxDepth) throw NotPython();
    const char first = peek();
    if (first == '"' || first == '\'') return string();
    if (first == '[') return list('[', ']', depth);
    if (first == '(') return list('(', ')', depth);
    if (first == '{') return dict(depth);
    if (is_letter(first)) return constant();
    return number();
  }

  ordered_json list(char open, char close, int depth) {
    expect(open);
    ordered_json values = ordered_json::array();
    while (peek() != close) {
      values.push_back(value(depth + 1));
      if (!take(',')) break;
    }
    expect(close);
    return values;
  }

  ordered_json dict(int depth) {
    expect('{');
    ordered_json values = ordered_json::object();
    while (peek() != '}') {
      const std::string key = string();
      expect(':');
      values[key] = value(depth + 1);
      if (!take(',')) break;
    }
    expect('}');
    return values;
  }

  ordered_json constant() {
    const std::string word = name();
    if (word == "True" || word == "true") return true;
    if (word == "False" || word == "false") return false;
    if (word == "None" || word == "null") return nullptr;
    throw NotPython();
  }

  ordered_json number() {
    const std::string_view rest = text_.substr(at_);
    const size_t length = std::min(rest.find_first_not_of("+-.0123456789eE_"), rest.size());
    std::string digits;
    for (const char byte : rest.substr(0, length))
      if (byte != '_') digits += byte;
    if (digits.starts_with('+')) digits.erase(0, 1);
    ordered_json value = ordered_json::parse(digits, nullptr, /*allow_exceptions=*/false);
    if (!value.is_number()) throw NotPython();
    at_ += length;
    return value;
  }

  std::string string() {
    const char quote = peek();
    if (quote != '"' && quote != '\'') throw NotPython();
    const std::string closing(text_.substr(at_).starts_with(std::string(3, quote)) ? 3 : 1, quote);
    at_ += closing.size();
    std::string result;
    while (!text_.substr(at_).starts_with(closing)) {
      if (at_ >= text_.size()) throw NotPython();
      const char byte = text_[at_++];
      byte == '\\' ? escape(result) : result.push_back(byte);
    }
    at_ += closing.size();
    return result;
  }

  void escape(std::string& result) {
    if (at_ >= text_.size()) throw NotPython();
    const char byte = text_[at_++];
    constexpr std::string_view kNames = "ntr\\'\"", kBytes = "\n\t\r\\'\"";
    if (const size_t index = kNames.find(byte); index != std::string_view::npos)
      result += kBytes[index];
    else if (byte == 'u')
      result += unicode_escape();
    else if (byte != '\n')
      result += std::string{'\\', byte};  // as Python does
  }

  // JSON's and Python's escapes of this kind are the same.
  std::string unicode_escape() {
    const std::string quoted = "\"\\u" + std::string(text_.substr(at_, 4)) + "\"";
    const auto value = ordered_json::parse(quoted, nullptr, /*allow_exceptions=*/false);
    if (!value.is_string()) throw NotPython();
    at_ += 4;
    return value.get<std::string>();
  }

  std::string name() {
    skip_space();
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (is_letter(text_[at_]) || (at_ > begin && (is_digit(text_[at_]) || text_[at_] == '-' || text_[at_] == '.'))))
      ++at_;
    if (at_ == begin) throw NotPython();
    return std::string(text_.substr(begin, at_ - begin));
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool at_end() {
    skip_space();
    return at_ >= text_.size();
  }
  char peek() {
    if (at_end()) throw NotPython();
    return text_[at_];
  }
  bool take(char byte) {
    const bool is_there = !at_end() && text_[at_] == byte;
    at_ += is_there ? 1 : 0;
    return is_there;
  }
  void expect(char byte) {
    if (!take(byte)) throw NotPython();
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::vector<PythonCall>> parse_python_calls(std::string_view source) {
  try {
    return Reader(source).calls();
  } catch (const NotPython&) {
    return std::nullopt;
  }
}

}  // namespace tidemill::serve
