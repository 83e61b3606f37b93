// A cursor over JSON text (RFC 8259) that reads each value once, front to back, straight into what the caller wants.
//
// Vocabularies are JSON files of tens of megabytes.  A document in memory would take many times that and most of the
// time; here strings without escapes are views of the file, and what nobody asks for is skipped.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace tidemill {

// For one thread.  All functions throw bad_file, naming `source` and the byte, for what is not JSON or of another kind
// than expected.
class JsonCursor {
 public:
  enum class Kind : uint8_t { object, array, string, number, boolean, null };

  // `text` must be valid UTF-8 and outlive the cursor and its strings.
  JsonCursor(std::string_view text, std::string source);

  Kind peek();
  // The kind of the first member's value of the object that comes next; leaves the cursor there, in the middle.
  Kind enter_first_member();
  // Calls `member(key)` for every member; it must read or skip the value.
  template <typename Member>
  void read_object(Member&& member) {
    open('{');
    if (close_if('}')) return;
    do {
      const std::string_view key = read_string();
      expect(':');
      member(key);
    } while (next_of('}'));
  }
  // Calls `item()` for every item; it must read or skip the value.
  template <typename Item>
  void read_array(Item&& item) {
    open('[');
    if (close_if(']')) return;
    do item();
    while (next_of(']'));
  }
  // Valid while the cursor lives.
  std::string_view read_string();
  int64_t read_integer();
  // As serde_json reads it, which is not always the nearest double: scores that nearly tie must tie alike.
  double read_number();
  bool read_boolean();
  // Skips a value and returns its text.
  std::string_view skip();
  void skip_null();
  // Nothing but white space may follow.
  void finish();

  [[noreturn]] void fail(const std::string& why) const;

 private:
  char next_character() { return pos_ < text_.size() && text_[pos_] > ' ' ? text_[pos_] : skip_white_space(); }
  char skip_white_space();
  void expect(char c);
  void open(char c);
  bool close_if(char c);
  bool next_of(char end);
  void skip_word(std::string_view word);
  size_t string_end();
  std::string_view unescape(std::string_view escaped);
  uint32_t read_hex(std::string_view escaped, size_t at) const;

  std::string_view text_;
  std::string source_;
  size_t pos_ = 0;
  int depth_ = 0;
  std::deque<std::string> unescaped_;
};

}  // namespace tidemill
