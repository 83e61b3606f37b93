// The cache of pieces and the table of known ones: what was put in comes out, within the memory allowed.
#include "text/pieces/piece_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "text/pieces/known_pieces.h"
#include "text/pieces/space_symbol.h"

namespace tidemill {
namespace {

std::string random_piece(std::mt19937& rng) {
  std::string piece(1 + rng() % (rng() % 4 == 0 ? 300 : 18), 'a');
  for (char& c : piece) c = static_cast<char>(rng() % 4 == 0 ? 0 : 'a' + rng() % 3);
  return piece;
}

uint64_t hash_of(const std::string& piece) {
  return piece.size() > PieceKey::kLongest ? long_piece_hash(piece) : piece_hash(piece_key(piece));
}

bool find(const PieceCache::Reader& cache, const std::string& piece, std::vector<int32_t>& ids) {
  const PieceKey key = piece_key(piece);
  PieceCache::Value value;
  const bool found =
      key.empty() ? cache.find_long(piece, hash_of(piece), value) : cache.find(key, hash_of(piece), value);
  if (!found) return false;
  if (value.n_ids == PieceIds::kCached) {
    const auto more = cache.cached(value.ids);
    ids.assign(more.begin(), more.end());
  } else {
    ids.assign(value.ids.words.begin(), value.ids.words.begin() + value.n_ids);
  }
  return true;
}

TEST(PieceKey, TellsApartWhatDiffersInTrailingZeros) {
  EXPECT_NE(piece_key(std::string("a")), piece_key(std::string("a\0", 2)));
  EXPECT_TRUE(piece_key(std::string(16, 'a')).empty());
  EXPECT_FALSE(piece_key(std::string(15, '\0')).empty());
}

TEST(PieceCache, GivesBackWhatItTook) {
  std::mt19937 rng(1);
  PieceCache::Reader cache(std::make_shared<PieceCache>(size_t{16} << 20));
  std::map<std::string, std::vector<int32_t>> taken;
  for (int round = 0; round < 20000; ++round) {
    const std::string piece = random_piece(rng);
    std::vector<int32_t> ids(rng() % 8);
    for (int32_t& id : ids) id = static_cast<int32_t>(rng() % 2000000);
    cache.pin();
    std::vector<int32_t> found;
    const bool was_there = find(cache, piece, found);
    ASSERT_EQ(was_there, taken.count(piece) == 1);
    if (was_there) {
      ASSERT_EQ(found, taken[piece]);
      continue;
    }
    PieceCache::Value added;
    if (cache.add(piece, piece_key(piece), hash_of(piece), ids, added)) taken[piece] = ids;
    ASSERT_EQ(taken.count(piece) == 1, piece.size() <= PieceCache::kLongestPiece);
  }
  EXPECT_GT(taken.size(), 10000u);
}

TEST(PieceCache, StaysWithinItsLimit) {
  std::mt19937 rng(2);
  PieceCache::Reader cache(std::make_shared<PieceCache>(100 << 10));
  int n_found = 0;
  for (int round = 0; round < 50000; ++round) {
    const std::string piece = random_piece(rng);
    cache.pin();
    std::vector<int32_t> ids;
    if (find(cache, piece, ids)) {
      ++n_found;
      ASSERT_EQ(ids, std::vector<int32_t>(piece.size() % 7, static_cast<int32_t>(piece.size())));
      continue;
    }
    PieceCache::Value added;
    cache.add(piece, piece_key(piece), hash_of(piece), std::vector<int32_t>(piece.size() % 7, piece.size()), added);
    ASSERT_LE(cache.cache()->bytes(), size_t{100} << 10);
  }
  EXPECT_GT(n_found, 1000);
  cache.cache()->limit(0);
  cache.pin();
  EXPECT_EQ(cache.cache()->bytes(), 0u);
  std::vector<int32_t> ids;
  EXPECT_FALSE(find(cache, "a", ids));
}

// Values that a thread has found stay what they are while others add, and make the cache grow and forget.
TEST(PieceCache, IsReadWhileOthersWrite) {
  const auto shared = std::make_shared<PieceCache>(size_t{200} << 10);
  std::atomic<int> n_found = 0;
  const auto work = [&](uint32_t seed) {
    std::mt19937 rng(seed);
    PieceCache::Reader cache(shared);
    for (int round = 0; round < 20000; ++round) {
      if (round % 16 == 0) cache.pin();
      const std::string piece = random_piece(rng);
      const std::vector<int32_t> expected(piece.size() % 7, static_cast<int32_t>(piece.size()));
      std::vector<int32_t> ids;
      if (find(cache, piece, ids)) {
        ++n_found;
        ASSERT_EQ(ids, expected);
        continue;
      }
      PieceCache::Value added;
      if (!cache.add(piece, piece_key(piece), hash_of(piece), expected, added)) continue;
      if (added.n_ids == PieceIds::kCached) {
        const auto more = cache.cached(added.ids);
        ASSERT_TRUE(std::equal(more.begin(), more.end(), expected.begin(), expected.end()));
      }
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t seed = 0; seed < 3; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(n_found, 1000);
  EXPECT_LE(shared->bytes(), size_t{200} << 10);
}

TEST(KnownPieces, FindsWhatIsConfirmed) {
  std::mt19937 rng(3);
  std::map<std::string, uint32_t> ids;
  while (ids.size() < 3000) {
    const std::string piece = random_piece(rng);
    ids.emplace(piece, ids.size());
  }
  std::vector<std::string_view> texts(ids.size());
  for (const auto& [piece, id] : ids) texts[id] = piece;
  std::vector<bool> confirmed(texts.size());
  for (size_t id = 0; id < texts.size(); id += 2) confirmed[id] = true;
  const KnownPieces known(TokenStrings(texts), confirmed);

  const auto find_all = [&](size_t& n_known) {
    std::string text;
    std::vector<ByteRange> pieces;
    std::vector<std::string> wanted;
    for (size_t k = 0; k < PieceBlock::kPieces; ++k) {
      wanted.push_back(rng() % 2 ? std::string(texts[rng() % texts.size()]) : random_piece(rng));
      pieces.push_back({static_cast<uint32_t>(text.size()), static_cast<uint32_t>(text.size() + wanted.back().size())});
      text += wanted.back();
    }
    auto block = std::make_unique<PieceBlock>();
    known.find(text, pieces, *block);
    size_t n = 0;
    for (size_t k = 0; k < wanted.size(); ++k) {
      if (n < block->n_unknown && block->unknown[n] == k) {
        ++n;
        continue;
      }
      ++n_known;
      ASSERT_EQ(ids.count(wanted[k]), 1u);
      ASSERT_EQ(block->known[k], ids[wanted[k]]);
      ASSERT_TRUE(confirmed[ids[wanted[k]]]);
    }
  };
  size_t n_known = 0;
  for (int round = 0; round < 50; ++round) find_all(n_known);
  EXPECT_GT(n_known, 2000u);

  for (const auto& [piece, id] : ids) {
    const PieceKey key = piece_key(piece);
    if (!key.empty() && !confirmed[id]) confirmed[id] = known.confirm(key, piece_hash(key), id);
  }
  size_t n_more = 0;
  for (int round = 0; round < 50; ++round) find_all(n_more);
  EXPECT_GT(n_more, n_known + 1000);
}

// Names in all the ways that spaces can stand in them.
TEST(KnownPieces, AreFoundBySpacesInPlaceOfU2581) {
  const std::vector<std::string> parts = {"▁", "▂", "a", "tide", " ", "é", "mill0123456789"};
  std::mt19937 rng(5);
  std::set<std::string> names = {"▁", "a", "▁tide"};
  while (names.size() < 400) {
    std::string name = rng() % 2 ? "▁" : "";
    for (size_t n = rng() % 5; n > 0; --n) name += parts[rng() % parts.size()];
    if (!name.empty()) names.insert(name);
  }
  const std::vector<std::string_view> texts(names.begin(), names.end());
  const KnownPieces known(TokenStrings(texts), std::vector<bool>(texts.size(), true), KnownPieces::Spelling::spaced);
  auto block = std::make_unique<PieceBlock>();
  size_t n_known = 0;
  for (size_t id = 0; id < texts.size(); ++id) {
    const std::string text = unescape_spaces(texts[id]);
    const ByteRange piece{0, static_cast<uint32_t>(text.size())};
    known.find(text, {&piece, 1}, *block);
    const bool has_space = texts[id].find(' ') != std::string_view::npos;
    if (has_space || text.size() > PieceKey::kLongest) {
      const bool is_other = block->n_unknown == 0 && texts[block->known[0]].find(' ') == std::string_view::npos;
      ASSERT_TRUE(block->n_unknown == 1 || is_other) << texts[id];
      continue;
    }
    if (block->n_unknown == 1) continue;  // left out: its bucket was full
    ++n_known;
    ASSERT_EQ(block->known[0], id) << texts[id];
  }
  EXPECT_GT(n_known, names.size() / 3);
}

TEST(KnownPieces, MayHoldWhatTheyAreMadeOfAndLittleElse) {
  std::mt19937 rng(4);
  std::set<std::string> pieces;
  while (pieces.size() < 3000) pieces.insert(random_piece(rng));
  const std::vector<std::string_view> texts(pieces.begin(), pieces.end());
  const KnownPieces known(TokenStrings(texts), std::vector<bool>(texts.size()));
  size_t n_others = 0, n_held = 0;
  for (int k = 0; k < 6000; ++k) {
    const std::string piece = k < 3000 ? std::string(texts[static_cast<size_t>(k)]) : random_piece(rng);
    const PieceKey key = piece_key(piece);
    if (key.empty()) continue;
    const bool holds = known.may_hold(key, piece_hash(key));
    if (pieces.count(piece) > 0) {
      EXPECT_TRUE(holds) << piece;
    } else {
      ++n_others;
      n_held += holds;
    }
  }
  EXPECT_GT(n_others, 500u);
  EXPECT_LT(n_held, n_others / 2);
}

}  // namespace
}  // namespace tidemill
