// Generated tables are kept as runs, which are small to store and to compare between versions, and are unrolled by the
// compiler into what look-ups want.
#include "text/unicode/unicode.h"

#include <algorithm>
#include <iterator>

#include "text/unicode/unicode_decompositions.h"
#include "text/unicode/unicode_tables.h"

namespace tidemill::unicode {
namespace {

template <typename T, size_t n, size_t n_runs>
constexpr std::array<T, n> unrolled(const uint16_t (&runs)[n_runs]) {
  std::array<T, n> values{};
  size_t pos = 0;
  for (size_t k = 0; k < n_runs; k += 2) {
    for (size_t left = runs[k + 1]; left > 0; --left) values[pos++] = static_cast<T>(runs[k]);
  }
  return values;
}

constexpr std::array<uint32_t, 256> padded_kinds() {
  std::array<uint32_t, 256> kinds{};
  for (size_t k = 0; k < std::size(kKindValues); ++k) kinds[k] = kKindValues[k];
  return kinds;
}

// Where a character's entry stands in kDecompositionStream.
struct StreamEntry {
  char32_t c;
  size_t pos;

  constexpr size_t n_canonical() const { return kDecompositionStream[pos] / 32 % 8; }
  constexpr size_t n_compatible() const { return kDecompositionStream[pos] % 32; }
  constexpr StreamEntry next() const {
    const size_t after = pos + 1 + n_canonical() + n_compatible();
    if (after == std::size(kDecompositionStream)) return {0, after};
    return {c + kDecompositionStream[after] / 256, after};
  }
};

constexpr StreamEntry first_entry() {
  return {kDecompositionStream[0] / 256, 0};
}

constexpr size_t kStreamEnd = std::size(kDecompositionStream);
constexpr size_t kIndexBlock = 64;
constexpr size_t kIndexed = 0x30000;  // nothing decomposes from here on

constexpr size_t count_index_blocks() {
  size_t n = 1;  // the empty block
  size_t last = SIZE_MAX;
  for (StreamEntry e = first_entry(); e.pos < kStreamEnd; e = e.next()) {
    if (e.c / kIndexBlock != last) ++n;
    last = e.c / kIndexBlock;
  }
  return n;
}

// Two stages: the place in the stream plus one, or 0.
struct DecompositionIndex {
  std::array<uint16_t, kIndexed / kIndexBlock> block{};
  std::array<uint16_t, count_index_blocks() * kIndexBlock> place{};

  constexpr DecompositionIndex() {
    uint16_t n = 0;
    for (StreamEntry e = first_entry(); e.pos < kStreamEnd; e = e.next()) {
      uint16_t& number = block[e.c / kIndexBlock];
      if (number == 0) number = ++n;
      place[number * kIndexBlock + e.c % kIndexBlock] = static_cast<uint16_t>(e.pos + 1);
    }
  }
  constexpr size_t operator[](char32_t c) const {
    return c < kIndexed ? place[block[c / kIndexBlock] * kIndexBlock + c % kIndexBlock] : 0;
  }
};

static_assert(kStreamEnd < UINT16_MAX);
constexpr DecompositionIndex kDecompositions;

std::u32string_view part(size_t begin, size_t size) {
  return {kDecompositionStream + begin, size};
}

constexpr char32_t kFirstL = 0x1100, kFirstV = 0x1161, kBeforeFirstT = 0x11A7;
constexpr char32_t kCountL = 19, kCountV = 21, kCountT = 28;

}  // namespace

constexpr std::array<uint16_t, 0x110000 / kBlockSize> kBlockOf = unrolled<uint16_t, 0x110000 / kBlockSize>(kBlockRuns);
constexpr std::array<uint8_t, kNumberedCharacters> kKindOf = unrolled<uint8_t, kNumberedCharacters>(kKindRuns);
constexpr std::array<uint32_t, 256> kKinds = padded_kinds();

bool is_bert_chinese(char32_t c) {
  constexpr struct {
    char32_t first, last;
  } kRanges[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
                 {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
  return std::any_of(std::begin(kRanges), std::end(kRanges), [=](auto r) { return r.first <= c && c <= r.last; });
}

LowerCase to_lowercase(char32_t c) {
  if (!has(c, Flag::changes_lowercase)) return {c, 0};
  if (c == 0x130) return {'i', 0x307};
  const CaseRun* run = std::upper_bound(std::begin(kLowerCaseRuns), std::end(kLowerCaseRuns), c,
                                        [](char32_t value, const CaseRun& r) { return value < r.first; }) -
                       1;
  return {static_cast<char32_t>(static_cast<int32_t>(c) + run->delta), 0};
}

std::u32string_view canonical_decomposition(char32_t c) {
  const size_t place = kDecompositions[c];
  return place == 0 ? std::u32string_view() : part(place, StreamEntry{c, place - 1}.n_canonical());
}

std::u32string_view compatible_decomposition(char32_t c) {
  const size_t place = kDecompositions[c];
  if (place == 0) return {};
  const StreamEntry entry{c, place - 1};
  if (entry.n_compatible() == 0) return part(place, entry.n_canonical());
  return part(place + entry.n_canonical(), entry.n_compatible());
}

char32_t compose(char32_t first, char32_t second) {
  if (first - kFirstL < kCountL && second - kFirstV < kCountV) {
    return kHangulFirst + ((first - kFirstL) * kCountV + second - kFirstV) * kCountT;
  }
  const char32_t t = second - kBeforeFirstT;
  if (is_hangul_syllable(first) && (first - kHangulFirst) % kCountT == 0 && 0 < t && t < kCountT) return first + t;
  const auto before = [](const Composition& x, const Composition& y) {
    return x.first != y.first ? x.first < y.first : x.second < y.second;
  };
  const Composition* found =
      std::lower_bound(std::begin(kCompositions), std::end(kCompositions), Composition{first, second, 0}, before);
  const bool same = found != std::end(kCompositions) && found->first == first && found->second == second;
  return same ? found->composite : 0;
}

std::array<char32_t, 3> decompose_hangul(char32_t c) {
  const char32_t index = c - kHangulFirst;
  const char32_t t = index % kCountT;
  return {kFirstL + index / kCountT / kCountV, kFirstV + index / kCountT % kCountV, t == 0 ? 0 : kBeforeFirstT + t};
}

uint8_t script(char32_t c) {
  const ScriptRun* run = std::upper_bound(std::begin(kScriptRuns), std::end(kScriptRuns), c,
                                          [](char32_t value, const ScriptRun& r) { return value < r.first; });
  if (run == std::begin(kScriptRuns)) return 0;
  return (run - 1)->last >= c ? (run - 1)->script : 0;
}

std::span<const ScriptRun> script_runs() {
  return kScriptRuns;
}

std::span<const std::string_view> script_names() {
  return kScriptNames;
}

}  // namespace tidemill::unicode
