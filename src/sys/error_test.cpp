#include "tidemill/error.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tidemill {
namespace {

TEST(Error, CarriesCodeAndMessage) {
  const Error error(ErrorCode::bad_file, "a.gguf: truncated; copy it again");
  EXPECT_EQ(error.code(), ErrorCode::bad_file);
  EXPECT_STREQ(error.what(), "a.gguf: truncated; copy it again");
}

TEST(Error, CodesHaveNamesAndExitStatuses) {
  struct Row {
    ErrorCode code;
    const char* name;
    int status;
  };
  const std::vector<Row> rows = {
      {ErrorCode::invalid_argument, "invalid_argument", 2},
      {ErrorCode::not_found, "not_found", 3},
      {ErrorCode::bad_file, "bad_file", 3},
      {ErrorCode::unsupported, "unsupported", 3},
      {ErrorCode::out_of_memory, "out_of_memory", 4},
      {ErrorCode::context_full, "context_full", 1},
      {ErrorCode::queue_full, "queue_full", 1},
      {ErrorCode::cancelled, "cancelled", 130},
      {ErrorCode::io, "io", 1},
      {ErrorCode::internal, "internal", 1},
  };
  for (const Row& row : rows) {
    EXPECT_STREQ(to_string(row.code), row.name);
    EXPECT_EQ(exit_status(row.code), row.status) << row.name;
  }
}

TEST(Printable, LeavesTextInAnyScriptAlone) {
  const std::string text = "modèle.gguf: 権重 не найдены; try 🙂";
  EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, ReplacesControlCharacters) {
  EXPECT_EQ(printable("a\nb\tc\x1b[31m\x7f"), "a?b?c?[31m?");
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(printable("a\u0085b\u009bc"), "a?b?c");           // C1 controls
  EXPECT_EQ(printable("a\u202Eb\u2066c\u2028d"), "a?b?c?d");  // reordering, line separator
}

TEST(Printable, ReplacesEachByteThatIsNotUtf8) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a?b");
  EXPECT_EQ(printable("\xc0\xaf"), "??");            // overlong '/'
  EXPECT_EQ(printable("\xe0\x80\xaf"), "???");       // overlong again
  EXPECT_EQ(printable("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????");  // past U+10FFFF
  EXPECT_EQ(printable("\xe2\x82"), "??");            // cut short
  EXPECT_EQ(printable("\xe2\x82z"), "??z");
  EXPECT_EQ(printable("\x80"), "?");
}

TEST(Printable, CutsAtACharacterBorder) {
  EXPECT_EQ(printable("0123456789", 10), "0123456789");
  EXPECT_EQ(printable("0123456789x", 10), "0123456…");
  EXPECT_EQ(printable("012345é789", 10), "012345…");  // é would reach into the ellipsis
  EXPECT_EQ(printable("01234é789", 10), "01234é789");
  EXPECT_EQ(printable("01234é7890", 10), "01234é…");
  EXPECT_EQ(printable("🙂🙂🙂", 11), "🙂🙂…");
  EXPECT_EQ(printable("abcdef", 2), "");
  for (size_t max_bytes = 0; max_bytes < 20; ++max_bytes) {
    EXPECT_LE(printable("aé🙂 long text that is cut", max_bytes).size(), max_bytes);
  }
}

}  // namespace
}  // namespace tidemill
