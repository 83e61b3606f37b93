#include "text/pieces/token_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Honest vocabularies of millions of tokens stay below 100 in a table that is half full.
constexpr int kMaxProbes = 1000;

}  // namespace

TokenStrings::TokenStrings(std::span<const std::string_view> strings) {
  uint64_t n_bytes = 0;
  for (const std::string_view s : strings) n_bytes += s.size();
  if (n_bytes > std::numeric_limits<uint32_t>::max()) {
    throw Error(ErrorCode::invalid_argument,
                "vocabulary: its tokens are " + std::to_string(n_bytes) + " bytes long; 4 GiB are the limit");
  }
  buffer_.resize(kMarginBefore + n_bytes + kMarginBehind);
  ends_.reserve(strings.size());
  char* const begin = buffer_.data() + kMarginBefore;
  char* end = begin;
  for (const std::string_view s : strings) {
    end = std::copy(s.begin(), s.end(), end);
    ends_.push_back(static_cast<uint32_t>(end - begin));
  }
}

bool are_utf8(const TokenStrings& strings) {
  const std::string_view all = strings.joined();
  // Then no character goes on in the next string.
  const auto ends_whole = [&](uint32_t end) {
    return end == all.size() || (static_cast<uint8_t>(all[end]) & 0xC0) != 0x80;
  };
  return is_utf8(all) && std::all_of(strings.ends().begin(), strings.ends().end(), ends_whole);
}

JoinableHash::JoinableHash(size_t max_size) : powers_(max_size + 1, 1) {
  for (size_t n = 1; n <= max_size; ++n) powers_[n] = powers_[n - 1] * kBase;
}

TokenIndex::TokenIndex(const TokenStrings& strings, const std::string& source, HugeVector<uint64_t>* hashes)
    : strings_(&strings) {
  if (hashes) hashes->reserve(static_cast<size_t>(strings.size()));
  slots_ = ZeroedVector<Slot>(std::bit_ceil(std::max<size_t>(strings.size(), 1) * 2));
  mask_ = slots_.size() - 1;
  // The slots of a block of strings are asked for together, for most lie in memory that is far away.
  std::array<uint64_t, 32> mixed;
  for (int32_t begin = 0, end; begin < strings.size(); begin = end) {
    end = std::min(begin + static_cast<int32_t>(mixed.size()), strings.size());
    for (int32_t id = begin; id < end; ++id) {
      const uint64_t hash = JoinableHash::of(strings[id]);
      if (hashes) hashes->push_back(hash);
      mixed[static_cast<size_t>(id - begin)] = mix(hash);
      __builtin_prefetch(&slots_[mixed[static_cast<size_t>(id - begin)] & mask_], 1);
    }
    for (int32_t id = begin; id < end; ++id) {
      if (!strings[id].empty()) insert(id, mixed[static_cast<size_t>(id - begin)], source);
    }
  }
}

void TokenIndex::insert(int32_t id, uint64_t mixed, const std::string& source) {
  const std::string_view bytes = (*strings_)[id];
  const auto tag = static_cast<uint32_t>(mixed >> 32);
  uint64_t slot = mixed & mask_;
  for (int n_probes = 0; !slots_[slot].is_empty(); ++n_probes, slot = (slot + 1) & mask_) {
    if (slots_[slot].tag == tag && (*strings_)[slots_[slot].id()] == bytes) {
      throw Error(ErrorCode::bad_file, source + ": token '" + std::string(bytes) + "' occurs twice, as " +
                                           std::to_string(slots_[slot].id()) + " and " + std::to_string(id) +
                                           "; a text would have no certain ids");
    }
    if (n_probes == kMaxProbes) {
      throw Error(ErrorCode::bad_file,
                  source + ": the tokens were made to collide; get the file from a source you trust");
    }
  }
  slots_[slot] = {tag, id + 1};
  longest_ = std::max(longest_, bytes.size());
}

}  // namespace tidemill
