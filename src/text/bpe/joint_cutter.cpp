#include "text/bpe/joint_cutter.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/bpe/joint_cutter.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/byte_set-inl.h"
#include "text/pieces/window_bits-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// What is read before a window, for the character that ends there, and behind it.
constexpr size_t kMargin = 8;

// Bit k: one may cut before byte k.  All bytes, and the one before, are ASCII.
HWY_INLINE uint64_t cuts_of_ascii(const uint8_t* bytes, const uint8_t* table) {
  uint64_t cuts = 0;
  for (size_t k = 0; k < kWindow; k += 8) {
    uint32_t eight = 0;
    for (size_t n = 0; n < 8; ++n) {
      uint16_t pair;
      std::memcpy(&pair, bytes + k + n - 1, sizeof(pair));
      eight |= uint32_t{table[pair]} << n;
    }
    cuts |= uint64_t{eight} << k;
  }
  return cuts;
}

// The same for any text.  Cuts are found character by character, without branches: what comes next cannot be foreseen.
HWY_INLINE uint64_t cuts_of_characters(const uint8_t* bytes, const JointCutter::Tables& tables,
                                       bool& has_space_symbol) {
  constexpr uint32_t kSpaceCharacter = 0x8196E2;  // kSpaceSymbol
  uint64_t leads = lead_bytes(bytes);
  const uint8_t* before = bytes - 1;
  while ((*before & 0xC0) == 0x80) --before;
  uint32_t left = character_at(before);
  const uint8_t* const ascii_cuts = tables.ascii_cuts.data();
  const CharacterJoints::Pairs joints = tables.joints->pairs();
  uint64_t cuts = 0;
  bool is_space_symbol = false;
  for (; leads != 0; leads &= leads - 1) {
    const auto k = static_cast<size_t>(std::countr_zero(leads));
    const uint32_t right = character_at(bytes + k);
    const bool both_ascii = (left | right) < 0x80;
    const bool by_table = ascii_cuts[JointCutter::Tables::place(left & 0x7F, right & 0x7F)] != 0;
    const bool by_filter = !joints.may_join(left, right);
    cuts |= uint64_t{both_ascii ? by_table : by_filter} << k;
    is_space_symbol |= right == kSpaceCharacter;
    left = right;
  }
  has_space_symbol |= is_space_symbol;
  return cuts;
}

// Where wholes stand, from window to window.
class Wholes {
 public:
  Wholes(const JointCutter::Tables& tables, std::string_view text) : tables_(tables), text_(text) {}

  // `cuts` of the window at `pos` with those around wholes and none inside.
  HWY_INLINE uint64_t around(const uint8_t* bytes, size_t pos, uint64_t cuts) {
    uint64_t candidates = held_bits(*tables_.first_bytes, bytes);
    if (end_ >= pos && end_ > 0) {
      cuts = behind(cuts, end_ - pos);
      candidates &= from(end_ - pos);
    }
    for (; candidates != 0; candidates &= candidates - 1) {
      const auto k = static_cast<size_t>(std::countr_zero(candidates));
      const ByteTrie::Match match = tables_.wholes->longest(text_, ByteTrie::kRoot, static_cast<uint32_t>(pos + k),
                                                            static_cast<uint32_t>(text_.size()));
      if (match.value < 0) continue;
      end_ = match.end;
      cuts = (cuts & ~from(k)) | uint64_t{1} << k | behind(cuts, end_ - pos);
      candidates &= from(end_ - pos) | uint64_t{1} << k;
    }
    return cuts;
  }

 private:
  // Bits from `n` on.
  static uint64_t from(size_t n) { return n >= kWindow ? 0 : ~uint64_t{0} << n; }
  // Those from `n` on, and one there.
  static uint64_t behind(uint64_t cuts, size_t n) { return n >= kWindow ? 0 : (cuts & from(n)) | uint64_t{1} << n; }

  const JointCutter::Tables& tables_;
  std::string_view text_;
  size_t end_ = 0;  // of the last one
};

// Writes where the bits are to the ends of words in a row and the begins of the next, eight at a time whatever their
// number, so that few branches depend on it.
HWY_INLINE size_t write_cuts(uint64_t bits, size_t begin, ByteRange* words) {
  const auto n = static_cast<size_t>(hwy::PopCount(bits));
  for (size_t done = 0; done < n; done += 8) {
    for (size_t k = done; k < done + 8; ++k, bits &= bits - 1) {
      const auto at = static_cast<uint32_t>(begin + static_cast<size_t>(std::countr_zero(bits)));
      words[k - 1].end = at;
      words[k].begin = at;
    }
  }
  return n;
}

// `words` has room before its first place.
size_t cut_joints(const JointCutter::Tables& tables, std::string_view text, size_t& from, ByteRange* words,
                  bool& has_space_symbol) {
  size_t n_begun = 0;
  size_t pos = from;
  Wholes wholes(tables, text);
  for (; pos < text.size() && (n_begun + kWindow <= PieceBlock::kPieces || n_begun < 2); pos += kWindow) {
    std::array<uint8_t, kMargin + kWindow + kMargin> padded;
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data()) + pos;
    if (pos < kMargin || text.size() - pos < kWindow + kMargin) {
      padded.fill(0);
      const size_t n_before = std::min(pos, kMargin);
      std::memcpy(padded.data() + kMargin - n_before, bytes - n_before,
                  n_before + std::min(text.size() - pos, kWindow + kMargin));
      bytes = padded.data() + kMargin;
    }
    const bool is_ascii = bytes_beyond_ascii(bytes) == 0 && bytes[-1] < 0x80;
    uint64_t cuts =
        is_ascii ? cuts_of_ascii(bytes, tables.ascii_cuts.data()) : cuts_of_characters(bytes, tables, has_space_symbol);
    cuts |= uint64_t{pos == from};
    if (tables.wholes) cuts = wholes.around(bytes, pos, cuts);
    if (text.size() - pos < kWindow) cuts &= (uint64_t{1} << (text.size() - pos)) - 1;
    n_begun += write_cuts(cuts, pos, words + n_begun);
  }
  if (pos >= text.size()) {
    if (n_begun > 0) words[n_begun - 1].end = static_cast<uint32_t>(text.size());
    from = text.size();
    return n_begun;
  }
  // The last one goes on.
  from = words[n_begun - 1].begin;
  return n_begun - 1;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(cut_joints);

JointCutter::JointCutter(const CharacterJoints& joints, std::span<const RawText::Whole> wholes) {
  tables_.ascii_cuts.fill(0);
  for (int left = 0; left < 128; ++left) {
    for (int right = 0; right < 128; ++right) {
      const bool joined = joints.joins_ascii(static_cast<char>(left), static_cast<char>(right));
      tables_.ascii_cuts[Tables::place(static_cast<uint32_t>(left), static_cast<uint32_t>(right))] = !joined;
    }
  }
  std::vector<ByteTrie::Entry> entries;
  for (const RawText::Whole& whole : wholes) {
    entries.push_back({whole.text, whole.id});
    first_bytes_.add(whole.text[0]);
    longest_whole_ = std::max(longest_whole_, whole.text.size());
  }
  wholes_ = ByteTrie(std::move(entries));
  tables_.joints = &joints;
  tables_.wholes = wholes.empty() ? nullptr : &wholes_;
  tables_.first_bytes = &first_bytes_;
}

JointCutter::Cut JointCutter::cut(std::string_view text, size_t& from, std::span<ByteRange, kRoom> room) const {
  bool has_space_symbol = false;
  const size_t n = HWY_DYNAMIC_DISPATCH(cut_joints)(tables_, text, from, room.data() + 1, has_space_symbol);
  return {room.subspan(1, n), has_space_symbol};
}

}  // namespace tidemill

#endif
