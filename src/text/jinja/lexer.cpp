#include "text/jinja/lexer.h"

#include <algorithm>

#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

// All line ends as "\n", and without the one that ends the source.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t k = 0; k < source.size(); ++k) {
    if (source[k] == '\r') {
      out += '\n';
      if (k + 1 < source.size() && source[k + 1] == '\n') ++k;
    } else {
      out += source[k];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_decimal_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_newlines(source)), text_(source_) {}

  std::vector<Token> run() {
    while (position_ < text_.size()) next_part();
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw Failure(Cause::syntax, why, line_); }

  void add(TokenKind kind, std::string text) {
    if (tokens_.size() >= kMaxTokens)
      throw Failure(Cause::limit, "it has more than " + std::to_string(kMaxTokens) + " names and symbols", line_);
    tokens_.push_back({kind, std::move(text), line_});
  }

  bool at(std::string_view wanted) const { return text_.substr(position_).starts_with(wanted); }
  char byte_at(size_t position) const { return position < text_.size() ? text_[position] : '\0'; }

  void advance_to(size_t position) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(position_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
    position_ = position;
  }

  size_t behind_spaces(size_t position) const {
    while (position < text_.size()) {
      size_t behind = position;
      if (!is_space(next_code_point(text_, behind))) break;
      position = behind;
    }
    return position;
  }

  // Text up to the next tag, and the tag.
  void next_part() {
    size_t open = position_;
    do {
      open = text_.find('{', open);
      if (open == std::string_view::npos) return last_data();
      ++open;
    } while (byte_at(open) != '%' && byte_at(open) != '{' && byte_at(open) != '#');
    --open;
    const char kind = text_[open + 1];
    const char sign = byte_at(open + 2) == '-' || byte_at(open + 2) == '+' ? text_[open + 2] : '\0';
    data(text_.substr(position_, open - position_), sign, kind != '{');
    advance_to(open);
    if (kind == '%')
      if (const size_t inside = raw_begin(open + 2 + (sign != '\0')); inside != 0) return raw(inside);
    advance_to(open + 2 + (sign != '\0'));
    line_starting_ = false;
    if (kind == '#') return comment();
    if (kind == '%')
      tag(TokenKind::block_begin, TokenKind::block_end);
    else
      tag(TokenKind::variable_begin, TokenKind::variable_end);
  }

  void last_data() {
    add(TokenKind::data, std::string(text_.substr(position_)));
    advance_to(text_.size());
  }

  // Text before a tag with this sign: "-" takes all space before it, none takes the indentation of a block.
  void data(std::string_view text, char sign, bool strips_indentation) {
    if (sign == '-') {
      size_t end = text.size(), before = end;
      while (end > 0 && is_space(previous_code_point(text, before))) end = before;
      text = text.substr(0, end);
    } else if (sign != '+' && strips_indentation) {
      const size_t line_begin = text.rfind('\n') + 1;  // 0 when there is none
      const size_t position = static_cast<size_t>(text.data() - text_.data());
      const bool only_spaces = behind_spaces(position + line_begin) >= position + text.size();
      if ((line_begin > 0 || line_starting_) && only_spaces) text = text.substr(0, line_begin);
    }
    if (!text.empty()) add(TokenKind::data, std::string(text));
  }

  // Where the content of "{% raw %}" begins whose name is expected at `position`; 0 when it is another tag.
  size_t raw_begin(size_t position) const {
    position = behind_spaces(position);
    if (!text_.substr(position).starts_with("raw")) return 0;
    position = behind_spaces(position + 3);
    if (text_.substr(position).starts_with("-%}")) return behind_spaces(position + 3);
    return text_.substr(position).starts_with("%}") ? position + 2 : 0;
  }

  // Behind the end of a tag or comment that closes with `close` at `position`; 0 when it does not.
  size_t tag_end(size_t position, std::string_view close, bool trims_newline) const {
    const std::string_view rest = text_.substr(position);
    if (rest.starts_with(close))
      return position + close.size() + (trims_newline && byte_at(position + close.size()) == '\n');
    if (rest.empty() || !rest.substr(1).starts_with(close)) return 0;
    if (rest[0] == '-') return behind_spaces(position + 1 + close.size());
    return rest[0] == '+' && trims_newline ? position + 1 + close.size() : 0;
  }

  // The content of a raw block, up to its end tag.
  void raw(size_t begin) {
    const int first_line = line_;
    line_starting_ = text_[begin - 1] == '\n';
    advance_to(begin);
    for (size_t open = text_.find("{%", begin); open != std::string_view::npos; open = text_.find("{%", open + 1)) {
      const char sign = byte_at(open + 2) == '-' || byte_at(open + 2) == '+' ? text_[open + 2] : '\0';
      size_t position = behind_spaces(open + 2 + (sign != '\0'));
      if (!text_.substr(position).starts_with("endraw")) continue;
      position = tag_end(behind_spaces(position + 6), "%}", true);
      if (position == 0) continue;
      data(text_.substr(begin, open - begin), sign, true);
      line_starting_ = text_[position - 1] == '\n';
      return advance_to(position);
    }
    if (begin == text_.size()) return;  // nothing to end, as Jinja sees it
    line_ = first_line;
    fail("the raw block has no end; add {% endraw %}");
  }

  void comment() {
    for (size_t position = position_; position < text_.size(); ++position) {
      const size_t end = tag_end(position, "#}", true);
      if (end == 0) continue;
      line_starting_ = text_[end - 1] == '\n';
      return advance_to(end);
    }
    if (position_ < text_.size()) fail("the comment has no end; add #}");
  }

  // What is inside a tag.
  void tag(TokenKind begin, TokenKind end) {
    add(begin, "");
    const bool is_block = begin == TokenKind::block_begin;
    std::string brackets;
    while (position_ < text_.size()) {
      const size_t close = brackets.empty() ? tag_end(position_, is_block ? "%}" : "}}", is_block) : 0;
      if (close != 0) {
        add(end, "");
        line_starting_ = text_[close - 1] == '\n';
        return advance_to(close);
      }
      const size_t behind = behind_spaces(position_);
      if (behind > position_)
        advance_to(behind);
      else
        token(brackets);
    }
  }

  void token(std::string& brackets) {
    const char byte = text_[position_];
    size_t behind = position_;
    const char32_t character = next_code_point(text_, behind);
    if (is_decimal_digit(byte))
      number();
    else if (character == '_' || is_alphabetic(character))
      name();
    else if (byte == '\'' || byte == '"')
      string();
    else
      symbol(brackets);
  }

  size_t behind_digits(size_t position, std::string_view digits) const {
    while (digits.find(byte_at(position)) != std::string_view::npos && position < text_.size()) {
      ++position;
      const bool goes_on = byte_at(position) == '_' && digits.find(byte_at(position + 1)) != std::string_view::npos &&
                           position + 1 < text_.size();
      if (goes_on) ++position;
    }
    return position;
  }

  // Behind a float that starts here; `position_` when it is none.
  size_t behind_float() const {
    constexpr std::string_view kDigits = "0123456789";
    if (position_ > 0 && text_[position_ - 1] == '.') return position_;
    const size_t whole = behind_digits(position_, kDigits);
    size_t end = whole;
    if (byte_at(end) == '.' && is_decimal_digit(byte_at(end + 1))) end = behind_digits(end + 1, kDigits);
    if ((byte_at(end) | 0x20) == 'e') {
      const size_t digits = end + 1 + (byte_at(end + 1) == '+' || byte_at(end + 1) == '-');
      if (is_decimal_digit(byte_at(digits))) return behind_digits(digits, kDigits);
    }
    return end > whole ? end : position_;
  }

  size_t behind_integer() const {
    const char kind = static_cast<char>(byte_at(position_ + 1) | 0x20);
    const std::string_view digits = text_[position_] != '0' ? "0123456789"
                                    : kind == 'b'           ? "01"
                                    : kind == 'o'           ? "01234567"
                                    : kind == 'x'           ? "0123456789abcdefABCDEF"
                                                            : "";
    if (text_[position_] != '0') return behind_digits(position_, digits);
    const size_t first = position_ + 2 + (byte_at(position_ + 2) == '_');
    const bool has_base =
        !digits.empty() && first < text_.size() && digits.find(text_[first]) != std::string_view::npos;
    return has_base ? behind_digits(first, digits) : behind_digits(position_, "0");
  }

  void number() {
    const size_t float_end = behind_float();
    const size_t end = float_end > position_ ? float_end : behind_integer();
    std::string digits(text_.substr(position_, end - position_));
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    add(float_end > position_ ? TokenKind::real : TokenKind::integer, std::move(digits));
    advance_to(end);
  }

  void name() {
    size_t end = position_;
    for (size_t behind = end; end < text_.size(); end = behind) {
      const char32_t character = next_code_point(text_, behind);
      if (character != '_' && !is_alphabetic(character) && !is_numeric(character)) break;
    }
    add(TokenKind::name, std::string(text_.substr(position_, end - position_)));
    advance_to(end);
  }

  void string() {
    const char quote = text_[position_];
    size_t end = position_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) fail("the string has no end; add the closing quote");
    add(TokenKind::string, unescape_literal(text_.substr(position_ + 1, end - position_ - 1), line_));
    advance_to(end + 1);
  }

  void symbol(std::string& brackets) {
    constexpr std::string_view kDouble[] = {"//", "**", "==", "!=", ">=", "<="};
    constexpr std::string_view kSingle = "+-/*%~[](){}><=.:|,;";
    size_t size = std::any_of(std::begin(kDouble), std::end(kDouble), [&](auto both) { return at(both); }) ? 2 : 1;
    const char byte = text_[position_];
    if (size == 1 && kSingle.find(byte) == std::string_view::npos) {
      size_t behind = position_;
      next_code_point(text_, behind);
      fail("'" + std::string(text_.substr(position_, behind - position_)) + "' does not belong into a tag");
    }
    if (byte == '(' || byte == '[' || byte == '{') brackets += byte == '(' ? ')' : byte == '[' ? ']' : '}';
    if (byte == ')' || byte == ']' || byte == '}') {
      if (brackets.empty()) fail(std::string("unexpected '") + byte + "'");
      if (brackets.back() != byte) fail(std::string("unexpected '") + byte + "', expected '" + brackets.back() + "'");
      brackets.pop_back();
    }
    add(TokenKind::symbol, std::string(text_.substr(position_, size)));
    advance_to(position_ + size);
  }

  std::string source_;
  std::string_view text_;
  size_t position_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // what was cut last ended with a line end
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace tidemill::jinja
