#include "text/pieces/piece_cache.h"

#include <hwy/cache_control.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>

#include "text/pieces/stable_list.h"

namespace tidemill {
namespace {

constexpr size_t kFirstPairs = 512;
// Replaced tables that some reader still has; with more of them nothing is added.
constexpr size_t kMostUnfreed = 4;
// Longer than a piece takes to be added, far less than falling asleep and being woken: a thread that finds the lock
// taken for so many looks, since a table grows, goes on and meets the piece again.
constexpr int kLooksAtLock = 64;
// The last byte of a short piece's key is its size, at most 15.
constexpr uint64_t kLongTag = uint64_t{0xFF} << 56;
constexpr int kSizeShift = 40;
constexpr uint64_t kPlaceMask = (uint64_t{1} << kSizeShift) - 1;
constexpr int kCountShift = std::countr_zero(PieceIds::kIdLimit);
// The first word of an entry's ids leaves room for their number.
constexpr size_t kMostIds = size_t{1} << kCountShift;

// Locked, or not where that would take long.
std::unique_lock<std::mutex> lock_soon(std::mutex& mutex) {
  std::unique_lock lock(mutex, std::try_to_lock);
  for (int look = 0; look < kLooksAtLock && !lock; ++look) {
    hwy::Pause();
    lock.try_lock();
  }
  return lock;
}

constexpr uint64_t long_tag(size_t size) {
  return kLongTag | uint64_t{size} << kSizeShift;
}

}  // namespace

// Written once: a thread that sees the second word of the key, which is never 0, sees all the rest.
struct PieceCache::Slot {
  std::array<std::atomic<uint64_t>, 2> key;  // of a long piece: its hash, and its size and place
  std::array<std::atomic<uint64_t>, 2> ids;  // the number of ids stands in the upper byte of the first

  uint64_t tag() const { return key[1].load(std::memory_order_acquire); }
  uint64_t start() const { return key[0].load(std::memory_order_relaxed); }
  Value value() const {
    const uint64_t low = ids[0].load(std::memory_order_relaxed);
    const uint64_t high = ids[1].load(std::memory_order_relaxed);
    const auto first = static_cast<uint32_t>(low);
    return {{{first & ((uint32_t{1} << kCountShift) - 1), static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(high),
              static_cast<uint32_t>(high >> 32)}},
            first >> kCountShift};
  }
  void write(const PieceKey& new_key, const Value& value) {
    const auto& words = value.ids.words;
    const auto pack = [](uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; };
    ids[0].store(pack(words[0] | value.n_ids << kCountShift, words[1]), std::memory_order_relaxed);
    ids[1].store(pack(words[2], words[3]), std::memory_order_relaxed);
    key[0].store(new_key.words[0], std::memory_order_relaxed);
    key[1].store(new_key.words[1], std::memory_order_release);
  }
};

struct alignas(64) PieceCache::Pair {
  // What a first table grows to where there is room: it is made with one page fault, and lasts long.
  static constexpr size_t kInHugePage = kHugePage / 64;

  std::array<Slot, 2> slots;
};

// What does not fit the entries; shared by the tables that follow each other as one grows.
struct PieceCache::Texts {
  StableList<char> pieces;  // the bytes of long pieces
  StableList<int32_t> ids;  // of pieces with more than four

  size_t bytes() const { return pieces.bytes() + ids.bytes(); }
};

struct PieceCache::Table {
  ZeroedVector<Pair> pairs;  // a power of two
  uint64_t mask;
  size_t n_used = 0;
  std::shared_ptr<Texts> texts;

  Table(size_t n_pairs, std::shared_ptr<Texts> all_texts)
      : pairs(n_pairs), mask(n_pairs - 1), texts(std::move(all_texts)) {}

  size_t bytes() const { return pairs.size() * sizeof(Pair) + texts->bytes(); }
  // Half full at most: then nine look-ups of ten end in the first pair.
  bool has_room() const { return n_used < pairs.size(); }
  void insert(uint64_t hash, const PieceKey& key, const Value& value) {
    for (uint64_t k = hash & mask;; k = (k + 1) & mask) {
      for (Slot& slot : pairs[k].slots) {
        if (slot.tag() != 0) continue;
        slot.write(key, value);
        ++n_used;
        return;
      }
    }
  }
  // Calls `matches(slot, tag)` for the entries where that hash may be, until it is true; null when there is none.
  template <typename Matches>
  const Slot* find(uint64_t hash, const Matches& matches) const {
    for (uint64_t k = hash & mask;; k = (k + 1) & mask) {
      for (const Slot& slot : pairs[k].slots) {
        const uint64_t tag = slot.tag();
        if (tag == 0) return nullptr;
        if (matches(slot, tag)) return &slot;
      }
    }
  }
  const Slot* find(const PieceKey& key, uint64_t hash) const {
    return find(hash,
                [&](const Slot& slot, uint64_t tag) { return tag == key.words[1] && slot.start() == key.words[0]; });
  }
  const Slot* find_long(std::string_view piece, uint64_t hash) const {
    return find(hash, [&](const Slot& slot, uint64_t tag) {
      return slot.start() == hash && (tag & ~kPlaceMask) == long_tag(piece.size()) &&
             std::string_view(texts->pieces[tag & kPlaceMask], piece.size()) == piece;
    });
  }
};

PieceCache::PieceCache(size_t n_bytes) : limit_(n_bytes) {}
PieceCache::~PieceCache() = default;

void PieceCache::limit(size_t n_bytes) {
  const std::lock_guard lock(mutex_);
  limit_ = n_bytes;
  if (tables_.empty() || tables_.back()->bytes() <= n_bytes) return;
  current_ = nullptr;
  tables_.push_back(nullptr);
  free_unread();
}

size_t PieceCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return tables_.empty() || !tables_.back() ? 0 : tables_.back()->bytes();
}

// Makes a table of `n_pairs` the current one.
PieceCache::Table* PieceCache::replace(size_t n_pairs, std::shared_ptr<Texts> texts) {
  tables_.push_back(std::make_unique<Table>(n_pairs, std::move(texts)));
  return tables_.back().get();
}

void PieceCache::free_unread() {
  const auto is_unread = [&](const std::unique_ptr<Table>& table) {
    return !table || std::none_of(readers_.begin(), readers_.end(),
                                  [&](const Reader* reader) { return reader->pinned_.load() == table.get(); });
  };
  if (tables_.size() > 1)
    tables_.erase(std::remove_if(tables_.begin(), tables_.end() - 1, is_unread), tables_.end() - 1);
}

// The current table, with room for an entry; null when there is none.
PieceCache::Table* PieceCache::table_for(size_t n_piece_bytes, size_t n_ids) {
  Table* const table = tables_.empty() ? nullptr : tables_.back().get();
  const size_t n_limit = limit();
  const auto fits = [&](size_t n_pairs, const Texts& texts) {
    const size_t n_texts = texts.pieces.bytes_with(n_piece_bytes) + texts.ids.bytes_with(n_ids);
    return n_pairs * sizeof(Pair) + n_texts <= n_limit && texts.ids.end_with(n_ids) <= kMostIds;
  };
  if (table && table->has_room() && fits(table->pairs.size(), *table->texts)) return table;
  if (tables_.size() > kMostUnfreed) free_unread();
  if (tables_.size() > kMostUnfreed) return nullptr;
  size_t n_pairs = table ? table->pairs.size() * 2 : 0;
  if (table && n_pairs < Pair::kInHugePage && fits(Pair::kInHugePage, *table->texts)) n_pairs = Pair::kInHugePage;
  if (!table || !fits(n_pairs, *table->texts)) {
    const auto texts = std::make_shared<Texts>();
    if (!fits(kFirstPairs, *texts)) return nullptr;
    Table* const empty = replace(kFirstPairs, texts);
    current_ = empty;
    free_unread();
    return empty;
  }
  Table* const larger = replace(n_pairs, table->texts);
  for (const Pair& pair : table->pairs) {
    for (const Slot& slot : pair.slots) {
      const PieceKey key{{slot.start(), slot.tag()}};
      if (!key.empty()) larger->insert(key.words[1] >= kLongTag ? key.words[0] : piece_hash(key), key, slot.value());
    }
  }
  current_ = larger;
  free_unread();
  return larger;
}

bool PieceCache::add(Reader& reader, std::string_view piece, const PieceKey& key, uint64_t hash,
                     std::span<const int32_t> ids, Value& added) {
  if (piece.size() > kLongestPiece || ids.size() > kLongestPiece || limit() == 0) return false;
  const std::unique_lock lock = lock_soon(mutex_);
  if (!lock) return false;
  const bool many = ids.size() > PieceIds::kInline;
  Table* const table = table_for(key.empty() ? piece.size() : 0, many ? ids.size() : 0);
  if (!table) return false;
  if (!reader.table()) reader.pinned_ = table;
  // What this reader has found already lies elsewhere.
  if (reader.table()->texts != table->texts) return false;
  if (const Slot* const slot = key.empty() ? table->find_long(piece, hash) : table->find(key, hash)) {
    added = slot->value();
    return true;
  }
  added = {{}, many ? PieceIds::kCached : static_cast<uint32_t>(ids.size())};
  if (many) {
    const size_t place = table->texts->ids.append(ids);
    added.ids.words = {static_cast<uint32_t>(place), static_cast<uint32_t>(ids.size())};
  } else {
    std::copy(ids.begin(), ids.end(), added.ids.words.begin());
  }
  PieceKey kept = key;
  if (key.empty()) kept.words = {hash, long_tag(piece.size()) | table->texts->pieces.append(piece)};
  table->insert(hash, kept, added);
  return true;
}

PieceCache::Reader::Reader(std::shared_ptr<PieceCache> cache) : cache_(std::move(cache)) {
  const std::lock_guard lock(cache_->mutex_);
  cache_->readers_.push_back(this);
}

PieceCache::Reader::~Reader() {
  const std::lock_guard lock(cache_->mutex_);
  std::erase(cache_->readers_, this);
}

void PieceCache::Reader::pin() {
  const Table* wanted = cache_->current_.load(std::memory_order_acquire);
  if (wanted == table()) return;
  // Once it is seen to be current while it is pinned, nobody frees it.
  while (true) {
    pinned_.store(wanted);
    const Table* const now = cache_->current_.load();
    if (now == wanted) return;
    wanted = now;
  }
}

size_t PieceCache::Reader::find_quickly(const PieceBlock& block, std::span<Value> values,
                                        std::span<uint16_t> missing) const {
  const Table* const all = table();
  if (!all) {
    for (size_t n = 0; n < block.n_unknown; ++n) missing[n] = static_cast<uint16_t>(n);
    return block.n_unknown;
  }
  const Pair* const pairs = all->pairs.data();
  const uint64_t mask = all->mask;
  for (size_t n = 0; n < block.n_unknown; ++n) __builtin_prefetch(&pairs[block.hashes[block.unknown[n]] & mask]);
  size_t n_missing = 0;
  for (size_t n = 0; n < block.n_unknown; ++n) {
    const size_t k = block.unknown[n];
    const PieceKey& key = block.keys[k];
    const std::array<Slot, 2>& pair = pairs[block.hashes[k] & mask].slots;
    // Without branches: which of both it is cannot be foreseen.  An empty key is a long piece, or an empty slot.
    const auto difference = [&](size_t way) {
      return (pair[way].tag() ^ key.words[1]) | (pair[way].start() ^ key.words[0]);
    };
    const bool is_first = difference(0) == 0;
    const bool is_second = difference(1) == 0;
    values[n] = pair[is_second].value();
    missing[n_missing] = static_cast<uint16_t>(n);
    n_missing += !(is_first | is_second) | key.empty();
  }
  return n_missing;
}

bool PieceCache::Reader::find(const PieceKey& key, uint64_t hash, Value& value) const {
  const Slot* const slot = table() ? table()->find(key, hash) : nullptr;
  if (slot) value = slot->value();
  return slot != nullptr;
}

bool PieceCache::Reader::find_long(std::string_view piece, uint64_t hash, Value& value) const {
  const Slot* const slot = table() && piece.size() <= kLongestPiece ? table()->find_long(piece, hash) : nullptr;
  if (slot) value = slot->value();
  return slot != nullptr;
}

void PieceCache::Reader::prefetch_long(uint64_t hash) const {
  if (!table()) return;
  for (const Slot& slot : table()->pairs[hash & table()->mask].slots) {
    const uint64_t tag = slot.tag();
    if (tag < kLongTag || slot.start() != hash) continue;
    __builtin_prefetch(table()->texts->pieces[tag & kPlaceMask]);
    const Value value = slot.value();
    if (value.n_ids == PieceIds::kCached) __builtin_prefetch(table()->texts->ids[value.ids.words[0]]);
  }
}

std::span<const int32_t> PieceCache::Reader::cached(const PieceIds& ids) const {
  return {table()->texts->ids[ids.words[0]], ids.words[1]};
}

}  // namespace tidemill
