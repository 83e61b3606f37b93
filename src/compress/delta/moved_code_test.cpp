#include "compress/delta/moved_code.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sys/random.h"

namespace tidemill {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const std::string& text) {
  const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

std::string rows(size_t n, uint64_t seed) {
  Random random(seed);
  std::string text;
  for (size_t row = 0; row < n; ++row) {
    for (uint32_t word = random.next() % 9 + 1; word > 0; --word) text += std::to_string(random.next()) + " ";
    text += "\n";
  }
  return text;
}

Bytes encoded(const Bytes& base, const Bytes& tuned) {
  const ContentIndex index(base, [](std::span<const std::byte>) {});
  Bytes code;
  encode_moved(index, tuned, code);
  return code;
}

bool decodes(const Bytes& base, const Bytes& code, Bytes& out) {
  const auto read = [&](uint64_t begin, std::span<std::byte> part) {
    ASSERT_LE(begin + part.size(), base.size());
    std::copy_n(base.begin() + static_cast<std::ptrdiff_t>(begin), part.size(), part.begin());
  };
  return decode_moved(code, base.size(), read, out);
}

TEST(MovedCode, RowsComeBackWhereverTheyWere) {
  const std::string one = rows(300, 1), other = rows(300, 2), fresh = rows(5, 3);
  const Bytes base = bytes_of(one + other);
  for (const std::string& text : {other + one, one, one + fresh + other, fresh, fresh + other.substr(7),
                                  one + one + one, std::string("x"), one.substr(0, one.size() - 3) + "y" + other}) {
    const Bytes tuned = bytes_of(text);
    const Bytes code = encoded(base, tuned);
    Bytes out(tuned.size());
    EXPECT_TRUE(decodes(base, code, out));
    EXPECT_EQ(out, tuned);
    if (text.size() > 2 * fresh.size()) {
      EXPECT_LT(code.size(), fresh.size() / 2 + 150);
    }
  }
}

TEST(MovedCode, BytesThatNothingHasAreKept) {
  Random random(5);
  for (const size_t n : {size_t{1}, size_t{15}, size_t{100'000}}) {
    Bytes base(50'000), tuned(n);
    for (std::byte& byte : base) byte = static_cast<std::byte>(random.next());
    for (std::byte& byte : tuned) byte = static_cast<std::byte>(random.next());
    const Bytes code = encoded(base, tuned);
    EXPECT_LT(code.size(), n + n / 1000 + 60);
    Bytes out(n);
    EXPECT_TRUE(decodes(base, code, out));
    EXPECT_EQ(out, tuned);
    EXPECT_TRUE(decodes({}, encoded({}, tuned), out));
    EXPECT_EQ(out, tuned);
  }
}

TEST(MovedCode, OfAnotherLengthOrBaseIsRefused) {
  const Bytes base = bytes_of(rows(200, 1)), tuned = bytes_of(rows(20, 2) + rows(100, 1));
  const Bytes code = encoded(base, tuned);
  for (const size_t n : {size_t{0}, tuned.size() - 1, tuned.size() + 1, 2 * tuned.size()}) {
    Bytes out(n);
    EXPECT_FALSE(decodes(base, code, out));
  }
  Bytes out(tuned.size());
  EXPECT_FALSE(decodes(Bytes(base.begin(), base.begin() + 50), code, out));
  for (size_t n = 0; n < code.size(); n += 7) {
    const Bytes cut(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(decodes(base, cut, out));
  }
}

TEST(ContentIndex, FindsChunksWhereTheyAre) {
  const std::string text = rows(20'000, 9);
  const Bytes base = bytes_of(text);
  const ContentIndex index(base, [](std::span<const std::byte>) {});
  size_t n_found = 0, n_chunks = 0;
  for (size_t begin = 0; begin < base.size();) {
    const size_t end = chunk_end(base, begin);
    n_chunks += end - begin >= kMinChunk ? 1 : 0;
    const auto found = index.find(std::span(base).subspan(begin, end - begin));
    if (found) {
      EXPECT_EQ(*found, begin);
      ++n_found;
    }
    begin = end;
  }
  EXPECT_GE(n_found, n_chunks - 5);  // some share their tag with others
  EXPECT_FALSE(index.find(std::span(base).subspan(1, 40)));
}

}  // namespace
}  // namespace tidemill
