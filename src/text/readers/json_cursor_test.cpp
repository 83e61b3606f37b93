#include "text/readers/json_cursor.h"

#include <gtest/gtest.h>

#include <vector>

#include "tidemill/error.h"

namespace tidemill {
namespace {

std::string string_of(std::string_view text) {
  return std::string(JsonCursor(text, "f").read_string());
}

TEST(JsonCursor, ReadsListsAndObjects) {
  JsonCursor cursor(R"( {"a": [1, -20 ,3], "b": {}, "c": [], "d": null, "e": true, "f": {"x": [{}, "]}"]}} )", "f");
  std::vector<int64_t> numbers;
  std::string keys;
  cursor.read_object([&](std::string_view key) {
    keys += key;
    if (key == "a") {
      cursor.read_array([&] { numbers.push_back(cursor.read_integer()); });
    } else if (key == "e") {
      EXPECT_TRUE(cursor.read_boolean());
    } else if (key == "f") {
      EXPECT_EQ(cursor.skip(), R"({"x": [{}, "]}"]})");
    } else {
      cursor.skip();
    }
  });
  cursor.finish();
  EXPECT_EQ(keys, "abcdef");
  EXPECT_EQ(numbers, (std::vector<int64_t>{1, -20, 3}));
}

TEST(JsonCursor, ReadsStrings) {
  EXPECT_EQ(string_of(R"("")"), "");
  EXPECT_EQ(string_of("\"plain text of more than eight bytes, \u00e9\""),
            "plain text of more than eight bytes, \u00e9");
  EXPECT_EQ(string_of(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u2581\ud83d\ude00")"), "\"\\/\b\f\n\r\tA\u00e9\u2581\U0001F600");
  for (const char* bad : {R"("abc)", R"("\x")", R"("\u12")", R"("\ud83d")", R"("\ud83d\u0041")", R"("\ude00")",
                          "\"a\nb\"", R"("\)", R"("\u12)"}) {
    EXPECT_THROW(string_of(bad), Error) << bad;
  }
}

TEST(JsonCursor, ReadsNumbersAsSerdeDoes) {
  const auto number = [](std::string_view text) { return JsonCursor(text, "f").read_number(); };
  EXPECT_EQ(number("0"), 0);
  EXPECT_EQ(number("-10.5"), -10.5);
  EXPECT_EQ(number("1e3"), 1000);
  EXPECT_EQ(number("25E-1"), 2.5);
  EXPECT_EQ(number("0.1"), 0.1);
  // 17 digits: rounded twice, as a number and by the division.
  EXPECT_EQ(number("-3.2982161045074463"), -(static_cast<double>(32982161045074463u) / 1e16));
  EXPECT_EQ(number("18446744073709551616"), 1844674407370955161e1);
  EXPECT_EQ(number("1e-400"), 0);
  for (const char* bad : {"-", "1.", "1e", "1e400", "x"}) EXPECT_THROW(number(bad), Error) << bad;
}

TEST(JsonCursor, RefusesWhatIsNotJson) {
  for (const char* bad :
       {"", "{", "[1", "[1 2]", "{\"a\" 1}", "{\"a\":}", "{a:1}", "[1,]", "tru", "[}", "{\"a\":1} x"}) {
    const auto read = [&] {
      JsonCursor cursor(bad, "f");
      if (cursor.peek() == JsonCursor::Kind::object) {
        cursor.read_object([&](std::string_view) { cursor.read_integer(); });
      } else {
        cursor.read_array([&] { cursor.read_integer(); });
      }
      cursor.finish();
    };
    EXPECT_THROW(read(), Error) << bad;
  }
}

TEST(JsonCursor, DeepNestingIsRefused) {
  const std::string deep(100000, '[');
  EXPECT_THROW(JsonCursor(deep, "f").skip(), Error);
}

TEST(JsonCursor, MessagesNameFileAndPlace) {
  try {
    JsonCursor cursor("[1, \"x\"]", "tokenizer.json");
    cursor.read_array([&] { cursor.read_integer(); });
    FAIL() << "a string was read as an integer";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    EXPECT_EQ(std::string(error.what()),
              "tokenizer.json: an integer is expected at byte 4; get the file again from where it was published");
  }
}

}  // namespace
}  // namespace tidemill
