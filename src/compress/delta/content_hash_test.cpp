#include "compress/delta/content_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "sys/random.h"
#include "sys/test_folder.h"

namespace tidemill {
namespace {

TEST(ContentHash, OfNothingIsThatOfTheSpecification) {
  EXPECT_EQ(hash_window({}).hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash_of_windows({}).hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(ContentHash, ComesBackFromItsDigits) {
  const ContentHash hash = hash_window({});
  EXPECT_EQ(ContentHash::from_hex(hash.hex()), hash);
  for (const char* const bad : {"", "00", "99AA06D3014798D86001C324468D497F", "g9aa06d3014798d86001c324468d497f"})
    EXPECT_FALSE(ContentHash::from_hex(bad)) << bad;
}

TEST(ContentHash, OfAFileDoesNotDependOnThreads) {
  const TestFolder folder;
  std::string text(2 * kHashWindowBytes + 123, '\0');
  Random random(1);
  for (char& letter : text) letter = static_cast<char>(random.next());
  const MappedFile file(folder.write("a", text));
  const auto window = [&](size_t begin, size_t n) { return hash_window(file.bytes().subspan(begin, n)); };
  const ContentHash expected = hash_of_windows(
      {window(0, kHashWindowBytes), window(kHashWindowBytes, kHashWindowBytes), window(2 * kHashWindowBytes, 123)});
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    uint64_t n_bytes = 0;
    EXPECT_EQ(hash_file(file, pool, [&](uint64_t n) { n_bytes += n; }), expected);
    EXPECT_EQ(n_bytes, text.size());
  }
}

}  // namespace
}  // namespace tidemill
