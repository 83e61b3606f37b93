// A substring with different followers is an inner node of the words' suffix tree.  Pieces are short, so a suffix array
// of the suffixes' first letters has them all: suffixes that begin with one substring lie together in it.  The suffixes
// of one first letter are sorted at a time, in parallel.
#include "text/training/seed_pieces.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>

namespace tidemill {
namespace {

// Letters that are compared: a piece and what follows it.
constexpr uint32_t kCompared = kLongestPiece + 1;
constexpr uint32_t kEnd = WordLetters::kEnd;

struct Suffix {
  uint64_t key;  // some of its letters, as a number
  uint32_t begin;
};

struct Substring {
  uint64_t score;  // occurrences times length
  uint32_t begin;
  uint32_t length;
};

// Sorts suffixes by their first kCompared letters, nothing counting behind the end of a word: by as many letters at
// once as fit into a number, then those that are still equal by the letters that follow.
class SuffixSorter {
 public:
  explicit SuffixSorter(const WordLetters& words)
      : letters_(words.letters),
        bits_(static_cast<uint32_t>(std::bit_width(words.alphabet.size()))),
        letters_per_key_(std::min(64 / bits_, kCompared)) {}

  // All suffixes have their first `depth` letters in common.
  void sort(std::span<Suffix> suffixes, uint32_t depth) const {
    for (Suffix& suffix : suffixes) suffix.key = key_at(suffix.begin + depth);
    std::sort(suffixes.begin(), suffixes.end(), [](const Suffix& a, const Suffix& b) { return a.key < b.key; });
    const uint32_t next_depth = depth + letters_per_key_;
    if (next_depth >= kCompared) return;
    const uint64_t last_letter = (uint64_t{1} << bits_) - 1;
    for (size_t first = 0, last = 0; first < suffixes.size(); first = last) {
      const uint64_t key = suffixes[first].key;
      while (last < suffixes.size() && suffixes[last].key == key) ++last;
      const bool has_more = (key & last_letter) != kEnd;
      if (last - first > 1 && has_more) sort(suffixes.subspan(first, last - first), next_depth);
    }
  }

 private:
  uint64_t key_at(size_t pos) const {
    uint64_t key = 0;
    for (uint32_t k = 0; k < letters_per_key_; ++k) {
      const uint32_t letter = letters_[pos];
      key = key << bits_ | letter;
      if (letter != kEnd) ++pos;
    }
    return key;
  }

  std::span<const uint32_t> letters_;
  uint32_t bits_;  // of a letter
  uint32_t letters_per_key_;
};

class SubstringFinder {
 public:
  explicit SubstringFinder(const WordLetters& words) : letters_(words.letters), sorter_(words) {}

  // `begins`: where the suffixes with one first letter begin.
  std::vector<Substring> find(std::span<const uint32_t> begins) const {
    std::vector<Suffix> suffixes;
    suffixes.reserve(begins.size());
    for (const uint32_t begin : begins) suffixes.push_back({0, begin});
    sorter_.sort(suffixes, 1);
    // Open groups of suffixes with a common start, each longer than the one before it.
    struct Group {
      uint32_t length;
      size_t first;  // suffix
    };
    std::vector<Group> open{{0, 0}};
    std::vector<Substring> found;
    for (size_t k = 1; k <= suffixes.size(); ++k) {
      const uint32_t common = k < suffixes.size() ? common_length(suffixes[k - 1].begin, suffixes[k].begin) : 0;
      size_t first = k - 1;
      while (open.back().length > common) {
        first = open.back().first;
        add(suffixes[first].begin, open.back().length, k - first, found);
        open.pop_back();
      }
      if (open.back().length < common) open.push_back({common, first});
    }
    return found;
  }

  // Falling by score, and by the letters where scores are equal.
  bool comes_before(const Substring& a, const Substring& b) const {
    if (a.score != b.score) return a.score > b.score;
    const auto first = letters_.subspan(a.begin, a.length), second = letters_.subspan(b.begin, b.length);
    return std::lexicographical_compare(second.begin(), second.end(), first.begin(), first.end());
  }

 private:
  // How many letters two suffixes have in common; the end of a word is one, and nothing counts behind it.
  uint32_t common_length(uint32_t a, uint32_t b) const {
    for (uint32_t n = 0; n < kCompared; ++n) {
      if (letters_[a + n] != letters_[b + n]) return n;
      if (letters_[a + n] == kEnd) return n + 1;
    }
    return kCompared;
  }

  void add(uint32_t begin, uint32_t length, size_t n_occurrences, std::vector<Substring>& found) const {
    const bool crosses_end = letters_[begin + length - 1] == kEnd;
    if (length < 2 || length > kLongestPiece || crosses_end) return;
    found.push_back({n_occurrences * length, begin, length});
  }

  std::span<const uint32_t> letters_;
  SuffixSorter sorter_;
};

// All places in `letters` but ends, those with one letter together.
struct PlacesOfLetters {
  explicit PlacesOfLetters(const WordLetters& words) : ends(words.alphabet.size(), 0) {
    for (const uint32_t letter : words.letters) ends[letter] += letter == kEnd ? 0 : 1;
    std::exclusive_scan(ends.begin(), ends.end(), ends.begin(), uint32_t{0});
    places.resize(words.letters.size() - words.words.size());
    for (uint32_t pos = 0; pos < words.letters.size(); ++pos) {
      if (words.letters[pos] != kEnd) places[ends[words.letters[pos]]++] = pos;
    }
  }
  std::span<const uint32_t> of(uint32_t letter) const {
    const uint32_t begin = letter == 0 ? 0 : ends[letter - 1];
    return std::span(places).subspan(begin, ends[letter] - begin);
  }

  std::vector<uint32_t> places;
  std::vector<uint32_t> ends;  // by letter
};

// By falling count, those of equal count by falling code point.
void add_letters(const WordLetters& words, const PlacesOfLetters& places, std::vector<SeedPiece>& pieces) {
  std::vector<int64_t> counts(words.alphabet.size(), 0);
  for (const WordLetters::Word& word : words.words) {
    for (const uint32_t letter : words.of(word)) counts[letter] += word.count;
  }
  std::vector<uint32_t> order(counts.size() - 1);
  std::iota(order.begin(), order.end(), 1u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return counts[a] != counts[b] ? counts[a] > counts[b] : a > b; });
  for (const uint32_t letter : order) {
    pieces.push_back({places.of(letter).front(), 1, static_cast<double>(counts[letter])});
  }
}

// `n_most` or all.
std::vector<Substring> best_substrings(const SubstringFinder& finder, const PlacesOfLetters& places, size_t n_most,
                                       const RunParts& run) {
  std::vector<std::vector<Substring>> found(places.ends.size());
  run(found.size(), [&](size_t letter) { found[letter] = finder.find(places.of(static_cast<uint32_t>(letter))); });
  std::vector<Substring> all;
  for (std::vector<Substring>& part : found) {
    all.insert(all.end(), part.begin(), part.end());
    part = {};
  }
  const auto comes_before = [&](const Substring& a, const Substring& b) { return finder.comes_before(a, b); };
  if (all.size() > n_most) {
    std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(n_most), all.end(), comes_before);
    all.resize(n_most);
  }
  std::sort(all.begin(), all.end(), comes_before);
  return all;
}

}  // namespace

std::vector<SeedPiece> make_seed_pieces(const WordLetters& words, size_t n_most, const RunParts& run) {
  std::vector<SeedPiece> pieces;
  const PlacesOfLetters places(words);
  add_letters(words, places, pieces);
  // The reference looks at its limit only after it has added one.
  const size_t n_room = pieces.size() < n_most ? n_most - pieces.size() : 1;
  for (const Substring& s : best_substrings(SubstringFinder(words), places, n_room, run)) {
    pieces.push_back({s.begin, s.length, static_cast<double>(s.score)});
  }
  double sum = 0;
  for (const SeedPiece& piece : pieces) sum += piece.score;
  const double log_sum = std::log(sum);
  for (SeedPiece& piece : pieces) piece.score = std::log(piece.score) - log_sum;
  return pieces;
}

}  // namespace tidemill
