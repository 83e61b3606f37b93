// The incremental algorithm: every pair has a count and the words where it arose; a queue holds the pairs by count.  A
// merge visits only those words and changes only the counts of the pairs around it.  Queue entries are not removed when
// counts change: one whose count is out of date goes back with the right one when it comes first.
#include "text/training/bpe_trainer.h"

#include <algorithm>
#include <limits>
#include <span>
#include <unordered_set>
#include <utility>

#include "text/training/neighbour_changes.h"
#include "text/training/pair_counts.h"
#include "text/training/word_symbols.h"

namespace tidemill {
namespace {

constexpr size_t kMergesPerReport = 128;
// Words of a merge lie anywhere in memory: they are asked for so many words before their turn.
constexpr size_t kAhead = 8;

// A pair may be in the queue more than once, each time with other words: two merges can make tokens of equal names,
// which are one token then, and its pairs arise anew.
struct Candidate {
  uint64_t count;  // when it was put in
  uint64_t pair;
  uint64_t words_begin;  // in `words_of_pairs_`
  uint32_t n_words;

  // The order of a heap whose top is the highest count, then the smallest pair.
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class MergeLoop {
 public:
  MergeLoop(WordSymbols input, const BpeTrainingOptions& options)
      : tokens_(std::move(input.tokens)),
        symbols_(std::move(input.symbols)),
        words_(std::move(input.words)),
        lengths_(tokens_.size(), 1),
        options_(options),
        max_length_(options.max_token_length.value_or(std::numeric_limits<size_t>::max())) {
    // Every merge of two symbols makes at most two new pairs, so this is all there can be; memory that is never written
    // to costs nothing.
    words_of_pairs_.reserve(symbols_.size() * 3);
    count_pairs();
  }

  TrainedBpe run(const TrainingMonitor& monitor) {
    const size_t first_size = tokens_.size();
    while (tokens_.size() < options_.vocab_size && !queue_.empty()) {
      const Candidate top = pop();
      const auto count = static_cast<uint64_t>(counts_[top.pair]);
      if (top.count != count) {
        push({count, top.pair, top.words_begin, top.n_words});
        continue;
      }
      if (count < 1 || count < static_cast<uint64_t>(options_.min_frequency)) break;
      merge(top);
      if (monitor && merges_.size() % kMergesPerReport == 0) {
        monitor(static_cast<double>(tokens_.size() - first_size) /
                static_cast<double>(options_.vocab_size - first_size));
      }
    }
    return {tokens_.take(), last_of_each(merges_)};
  }

 private:
  void count_pairs() {
    struct Found {
      uint32_t n_words = 0;
      uint32_t last_word = 0;
    };
    // Two passes over the words: the first counts how long each list is, the second fills the lists.
    PairCounts places;  // place in `found`, plus one
    std::vector<Found> found;
    const auto for_each_first = [&](auto&& visit) {
      for (uint32_t k = 0; k < words_.size(); ++k) {
        const std::span<const uint32_t> symbols = symbols_of(k);
        for (size_t pos = 0; pos + 1 < symbols.size(); ++pos) {
          const uint64_t pair = pair_key(symbols[pos], symbols[pos + 1]);
          int64_t& place = places[pair];
          if (place == 0) {
            found.push_back({});
            place = std::ssize(found);
          }
          Found& entry = found[static_cast<size_t>(place - 1)];
          visit(pair, entry, k, entry.n_words == 0 || entry.last_word != k);
          entry.last_word = k;
        }
      }
    };
    for_each_first([&](uint64_t pair, Found& entry, uint32_t k, bool new_word) {
      counts_[pair] += words_[k].count;
      entry.n_words += new_word ? 1 : 0;
    });
    std::vector<uint64_t> ends(found.size());
    uint64_t end = 0;
    for (size_t k = 0; k < found.size(); ++k) {
      ends[k] = end;
      end += found[k].n_words;
      found[k].n_words = 0;
    }
    words_of_pairs_.resize(end);
    for_each_first([&](uint64_t, Found& entry, uint32_t k, bool new_word) {
      if (!new_word) return;
      words_of_pairs_[ends[static_cast<size_t>(&entry - found.data())]++] = k;
      ++entry.n_words;
    });
    counts_.for_each([&](uint64_t pair, int64_t count) {
      const auto place = static_cast<size_t>(places[pair] - 1);
      queue_.push_back({static_cast<uint64_t>(count), pair, ends[place] - found[place].n_words, found[place].n_words});
    });
    std::make_heap(queue_.begin(), queue_.end());
  }

  std::span<const uint32_t> symbols_of(uint32_t word) const {
    return std::span(symbols_).subspan(words_[word].begin, words_[word].size);
  }

  Candidate pop() {
    std::pop_heap(queue_.begin(), queue_.end());
    const Candidate top = queue_.back();
    queue_.pop_back();
    return top;
  }
  void push(const Candidate& candidate) {
    queue_.push_back(candidate);
    std::push_heap(queue_.begin(), queue_.end());
  }

  std::string merged_name(uint64_t pair) const {
    std::string_view second = tokens_[right_of(pair)];
    if (second.starts_with(options_.continuing_prefix)) second.remove_prefix(options_.continuing_prefix.size());
    return tokens_[left_of(pair)] + std::string(second);
  }

  void merge(const Candidate& top) {
    const uint32_t merged = tokens_.add(merged_name(top.pair));
    lengths_.resize(tokens_.size());
    lengths_[merged] = lengths_[left_of(top.pair)] + lengths_[right_of(top.pair)];
    merges_.push_back(top.pair);
    changes_.begin(merged);
    const std::span<const uint32_t> visited = std::span(words_of_pairs_).subspan(top.words_begin, top.n_words);
    for (size_t k = 0; k < visited.size(); ++k) {
      if (k + 2 * kAhead < visited.size()) __builtin_prefetch(&words_[visited[k + 2 * kAhead]]);
      if (k + kAhead < visited.size()) __builtin_prefetch(symbols_.data() + words_[visited[k + kAhead]].begin);
      merge_in_word(visited[k], top.pair, merged);
    }
    changes_.append_words(words_of_pairs_);
    apply_changes(top.pair, merged);
  }

  // Replaces the pair wherever it is in the word, from left to right, and notes which pairs go and come.
  void merge_in_word(uint32_t word_index, uint64_t pair, uint32_t merged) {
    const uint32_t first = left_of(pair), second = right_of(pair);
    WordSymbols::Word& word = words_[word_index];
    uint32_t* const symbols = symbols_.data() + word.begin;
    const uint32_t size = word.size;
    const auto is_pair = [&](uint32_t pos) { return symbols[pos] == first && symbols[pos + 1] == second; };
    uint32_t from = 0;
    while (from + 1 < size && !is_pair(from)) ++from;
    uint32_t to = from;
    while (from < size) {
      if (from + 1 >= size || !is_pair(from)) {
        symbols[to++] = symbols[from++];
        continue;
      }
      if (to > 0) note(NeighbourChanges::left, symbols[to - 1], merged, word_index);
      if (from + 2 < size) note(NeighbourChanges::right, symbols[from + 2], merged, word_index);
      symbols[to++] = merged;
      from += 2;
    }
    word.size = to;
  }

  void note(NeighbourChanges::Side side, uint32_t neighbour, uint32_t merged, uint32_t word) {
    const int64_t count = words_[word].count;
    changes_.lose(side, neighbour, count);
    if (lengths_[neighbour] + lengths_[merged] < max_length_) changes_.gain(side, neighbour, count, word);
  }

  // The merged pair itself keeps its count, as in the reference: if its tokens meet again, elsewhere, that counts on.
  void apply_changes(uint64_t pair, uint32_t merged) {
    counts_.reserve(changes_.changes().size() * 2);
    const auto key_of = [](const NeighbourChanges::Change& change, uint32_t token) {
      return change.side == NeighbourChanges::left ? pair_key(change.neighbour, token)
                                                   : pair_key(token, change.neighbour);
    };
    for (const NeighbourChanges::Change& change : changes_.changes()) {
      const uint32_t parted = change.side == NeighbourChanges::left ? left_of(pair) : right_of(pair);
      if (change.lost > 0) counts_[key_of(change, parted)] -= change.lost;
      if (change.gained > 0) counts_[key_of(change, merged)] += change.gained;
    }
    for (const NeighbourChanges::Change& change : changes_.changes()) {
      if (change.n_words == 0) continue;
      const uint64_t key = key_of(change, merged);
      const int64_t count = counts_[key];
      if (count > 0) push({static_cast<uint64_t>(count), key, change.words_end - change.n_words, change.n_words});
    }
  }

  // A pair that was merged twice has the place of the later one.
  static std::vector<std::pair<uint32_t, uint32_t>> last_of_each(const std::vector<uint64_t>& merges) {
    std::unordered_set<uint64_t> seen;
    std::vector<std::pair<uint32_t, uint32_t>> kept;
    for (size_t k = merges.size(); k-- > 0;) {
      if (seen.insert(merges[k]).second) kept.emplace_back(left_of(merges[k]), right_of(merges[k]));
    }
    std::reverse(kept.begin(), kept.end());
    return kept;
  }

  TokenNames tokens_;
  std::vector<uint32_t> symbols_;
  std::vector<WordSymbols::Word> words_;
  std::vector<size_t> lengths_;  // by token, in symbols
  const BpeTrainingOptions& options_;
  size_t max_length_;                     // not reached by any token but the first ones
  std::vector<uint32_t> words_of_pairs_;  // lists of words, one after another
  PairCounts counts_;  // may fall below 0 under max_token_length; as in the reference such a pair then counts as huge
  std::vector<Candidate> queue_;  // a heap
  std::vector<uint64_t> merges_;
  NeighbourChanges changes_;
};

}  // namespace

TrainedBpe train_bpe(const WordCounts& words, const BpeTrainingOptions& options, const TrainingMonitor& monitor) {
  return MergeLoop(make_word_symbols(words, options), options).run(monitor);
}

}  // namespace tidemill
