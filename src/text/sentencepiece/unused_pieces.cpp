#include "text/sentencepiece/unused_pieces.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidemill {
namespace {

using Proto = SentencePieceProto;

// What becomes of ids that merging leaves.
class UnusedSplits {
 public:
  explicit UnusedSplits(const Proto& proto) : kinds_(proto.pieces.size(), Kind::kept) {
    std::unordered_map<std::string_view, int32_t> ids;
    for (size_t id = 0; id < proto.pieces.size(); ++id) {
      const Proto::Piece& piece = proto.pieces[id];
      const bool merges = piece.type == TokenType::normal || piece.type == TokenType::unused;
      if (merges) ids.emplace(piece.text, static_cast<int32_t>(id));
    }
    for (size_t id = 0; id < proto.pieces.size(); ++id) {
      if (proto.pieces[id].type == TokenType::unused) add(static_cast<int32_t>(id), proto.pieces[id].text, ids);
    }
  }

  // Splits the unused ones of `ids` from `begin` on; false when one has not just one way.
  bool apply(std::vector<int32_t>& ids, size_t begin) const {
    const auto is_kept = [&](int32_t id) { return kinds_[static_cast<size_t>(id)] == Kind::kept; };
    const auto first = std::find_if_not(ids.begin() + static_cast<ptrdiff_t>(begin), ids.end(), is_kept);
    if (first == ids.end()) return true;
    std::vector<int32_t> left(first, ids.end());  // what is to be looked at, the last first
    std::reverse(left.begin(), left.end());
    ids.erase(first, ids.end());
    while (!left.empty()) {
      const int32_t id = left.back();
      left.pop_back();
      if (is_kept(id)) {
        ids.push_back(id);
        continue;
      }
      if (kinds_[static_cast<size_t>(id)] == Kind::unsure) return false;
      const auto& [before, behind] = parts_.at(id);
      left.push_back(behind);
      left.push_back(before);
    }
    return true;
  }

 private:
  enum class Kind : uint8_t { kept, split, unsure };

  void add(int32_t id, std::string_view name, const std::unordered_map<std::string_view, int32_t>& ids) {
    size_t n_ways = 0;
    for (size_t middle = 1; middle < name.size(); ++middle) {
      const auto before = ids.find(name.substr(0, middle));
      if (before == ids.end()) continue;
      const auto behind = ids.find(name.substr(middle));
      if (behind == ids.end()) continue;
      ++n_ways;
      parts_[id] = {before->second, behind->second};
    }
    kinds_[static_cast<size_t>(id)] = n_ways == 1 ? Kind::split : Kind::unsure;
  }

  std::vector<Kind> kinds_;                                         // by id
  std::unordered_map<int32_t, std::pair<int32_t, int32_t>> parts_;  // of those to be split
};

class BpeWithUnused final : public PieceModel {
 public:
  BpeWithUnused(const Proto& proto, std::unique_ptr<const PieceModel> merging, std::unique_ptr<const PieceModel> exact)
      : splits_(proto), merging_(std::move(merging)), exact_(std::move(exact)) {}

  std::unique_ptr<Scratch> make_scratch() const override {
    return std::make_unique<Both>(merging_->make_scratch(), exact_->make_scratch());
  }
  bool shares_caches() const override { return merging_->shares_caches(); }
  std::unique_ptr<Scratch> make_sharing_scratch(const Scratch& other) const override {
    return std::make_unique<Both>(merging_->make_sharing_scratch(*static_cast<const Both&>(other).merging),
                                  exact_->make_scratch());
  }

  bool reads_raw_text() const override { return true; }
  bool encode_raw(std::string_view text, bool at_start, Scratch& scratch, std::vector<int32_t>& ids) const override {
    const size_t n_before = ids.size();
    if (!merging_->encode_raw(text, at_start, *static_cast<Both&>(scratch).merging, ids)) return false;
    if (splits_.apply(ids, n_before)) return true;
    ids.resize(n_before);
    return false;
  }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    exact_->encode(text, pieces, *static_cast<Both&>(scratch).exact, tokens);
  }

  int32_t vocab_size() const override { return exact_->vocab_size(); }
  std::string_view token_name(int32_t id) const override { return exact_->token_name(id); }
  int32_t token_id(std::string_view name) const override { return exact_->token_id(name); }

 private:
  struct Both : Scratch {
    Both(std::unique_ptr<Scratch> of_merging, std::unique_ptr<Scratch> of_exact)
        : merging(std::move(of_merging)), exact(std::move(of_exact)) {}
    // What works without the quick way has no cache.
    void limit_cache(size_t n_bytes) override { merging->limit_cache(n_bytes); }
    CacheStatistics cache_statistics() const override { return merging->cache_statistics(); }

    std::unique_ptr<Scratch> merging, exact;
  };

  UnusedSplits splits_;
  std::unique_ptr<const PieceModel> merging_, exact_;
};

}  // namespace

std::unique_ptr<const PieceModel> make_bpe_with_unused(const Proto& proto, std::unique_ptr<const PieceModel> merging,
                                                       std::unique_ptr<const PieceModel> exact) {
  return std::make_unique<BpeWithUnused>(proto, std::move(merging), std::move(exact));
}

}  // namespace tidemill
