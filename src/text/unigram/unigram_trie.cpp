#include "text/unigram/unigram_trie.h"

#include <cmath>

namespace tidemill {
namespace {

constexpr double kLargestSum = 1 << 29;
constexpr int32_t kNoToken = -(1 << 30);
// With fewer steps between two scores too many words would seem to tie.
constexpr double kLeastScale = 1 << 8;

// A power of two, so that rounding is all that is lost.
double scale_for(double largest_score) {
  const double most = kLargestSum / static_cast<double>(UnigramTrie::kMostTokens) / (largest_score + 1);
  const double scale = std::exp2(std::floor(std::log2(most)));
  return scale >= kLeastScale ? scale : 0;
}

}  // namespace

UnigramTrie::UnigramTrie(const ByteTrie& tokens, std::span<const double> scores, double largest_score)
    : scale_(scale_for(largest_score)) {
  places_.reserve(tokens.n_places());
  ids_.reserve(tokens.n_places());
  for (Node node = 0; node < tokens.n_places(); ++node) {
    const int32_t id = tokens.value(node);
    const int32_t score = id < 0 ? kNoToken : rounded(scores[static_cast<size_t>(id)]);
    places_.push_back(Place{static_cast<uint32_t>(score)} << 32 | tokens.link(node));
    ids_.push_back(id);
  }
}

int32_t UnigramTrie::rounded(double score) const {
  return scale_ > 0 ? static_cast<int32_t>(std::lround(score * scale_)) : 0;
}

int32_t UnigramTrie::find(std::string_view name) const {
  Node node = kRoot;
  for (const char byte : name) {
    if (!step(node, static_cast<uint8_t>(byte))) return -1;
  }
  return id(node);
}

}  // namespace tidemill
