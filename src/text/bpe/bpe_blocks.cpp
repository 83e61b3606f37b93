#include "text/bpe/bpe_blocks.h"

#include <algorithm>
#include <cstring>

namespace tidemill {
namespace {

// Of a piece with more ids than stand in the value.
std::span<const int32_t> many_ids(const PieceCache::Value& found, const BpeBlock& block, const BpeScratch& own) {
  if (found.n_ids == PieceIds::kCached) return own.cache.cached(found.ids);
  return std::span<const int32_t>(block.more_ids).subspan(found.ids.words[0], found.ids.words[1]);
}

}  // namespace

void BpeBlocks::find_block(std::string_view text, std::span<const ByteRange> pieces, BpeBlock& block, BpeScratch& own,
                           const CharacterJoints* joints) const {
  block.more_ids.clear();
  tables_.known().find(text, pieces, block.pieces);
  const size_t n_missing = own.cache.find_quickly(block.pieces, block.found, block.missing);
  own.n_hits += static_cast<int64_t>(block.pieces.n_unknown - n_missing);
  for (size_t m = 0; m < n_missing; ++m) {
    const size_t k = block.pieces.unknown[block.missing[m]];
    if (block.pieces.keys[k].empty()) own.cache.prefetch_long(block.pieces.hashes[k]);
  }
  for (size_t m = 0; m < n_missing; ++m) {
    const size_t n = block.missing[m];
    find_unknown(text, pieces[block.pieces.unknown[n]], block.pieces.unknown[n], block, own, joints, block.found[n]);
  }
}

void BpeBlocks::find_unknown(std::string_view text, ByteRange range, size_t k, BpeBlock& block, BpeScratch& own,
                             const CharacterJoints* joints, PieceCache::Value& found) const {
  const std::string_view piece = text.substr(range.begin, range.end - range.begin);
  const PieceKey& key = block.pieces.keys[k];
  const uint64_t hash = block.pieces.hashes[k];
  if (key.empty() ? own.cache.find_long(piece, hash, found) : own.cache.find(key, hash, found)) {
    ++own.n_hits;
    return;
  }
  ++own.n_misses;
  const bool may_cut = joints && piece.size() >= tables_.cut_from();
  const bool may_be_whole = tables_.may_be_whole(key, hash);
  const std::span<const int32_t> ids =
      may_cut && encode_parts(text, range, own) ? own.piece_ids : merged_ids(piece, may_be_whole, own);
  if (ids.size() == 1 && !key.empty() && tables_.known().confirm(key, hash, static_cast<uint32_t>(ids[0]))) {
    found = {{{static_cast<uint32_t>(ids[0])}}, 1};
  } else if (!own.cache.add(piece, key, hash, ids, found)) {
    found = {{{static_cast<uint32_t>(block.more_ids.size()), static_cast<uint32_t>(ids.size())}}, PieceIds::kUncached};
    block.more_ids.insert(block.more_ids.end(), ids.begin(), ids.end());
  }
}

// The ids of a long piece, in own.piece_ids, by way of its parts, which are often known; false when it has but one.
bool BpeBlocks::encode_parts(std::string_view text, ByteRange piece, BpeScratch& own) const {
  const CharacterJoints& joints = *tables_.joints();
  size_t end = joints.next_cut(text, piece.begin, piece.end);
  if (end == piece.end) return false;
  own.piece_ids.clear();
  for (size_t begin = piece.begin; begin < piece.end;) {
    own.part_ranges.clear();
    while (begin < piece.end && own.part_ranges.size() < PieceBlock::kPieces) {
      own.part_ranges.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
      begin = end;
      if (begin < piece.end) end = joints.next_cut(text, begin, piece.end);
    }
    find_block(text, own.part_ranges, own.parts, own, nullptr);
    emit_block(own.part_ranges.size(), own.parts, own, own.piece_ids);
  }
  return true;
}

std::span<const int32_t> BpeBlocks::merged_ids(std::string_view piece, bool may_be_whole, BpeScratch& own) const {
  split(piece, may_be_whole, own);
  own.word_ids.clear();
  for (const BpeWord::Symbol& symbol : own.word.symbols()) own.word_ids.push_back(static_cast<int32_t>(symbol.id));
  return own.word_ids;
}

// Leaves the tokens of `piece` in the scratch.
void BpeBlocks::split(std::string_view piece, bool may_be_whole, BpeScratch& own) const {
  const int32_t whole = may_be_whole ? tables_.whole(piece) : -1;
  if (whole >= 0) {
    own.word.clear();
    own.word.add(static_cast<uint32_t>(whole), static_cast<uint32_t>(piece.size()));
    return;
  }
  if (piece.size() <= BpeWord::kLongestShort && !tables_.byte_pairs().empty()) {
    own.word.merge_bytes(piece, tables_.byte_pairs(), tables_.pairs());
    return;
  }
  tables_.symbols().start(piece, own.word);
  own.word.merge(tables_.pairs());
}

// The known pieces between two unknown ones are ids in a row, and are copied as such.
void BpeBlocks::emit_block(size_t n_pieces, const BpeBlock& block, BpeScratch& own, std::vector<int32_t>& ids) {
  constexpr size_t kRow = 16;
  int32_t* out = own.out.data();
  size_t done = 0;
  const auto emit_known = [&](size_t end) {
    const size_t n = end - done;
    for (size_t k = 0; k < n; k += kRow) {
      std::memcpy(out + k, block.pieces.known.data() + done + k, kRow * sizeof(int32_t));
    }
    out += n;
    done = end + 1;
  };
  const auto flush = [&] {
    ids.insert(ids.end(), own.out.data(), out);
    out = own.out.data();
  };
  for (size_t n = 0; n < block.pieces.n_unknown; ++n) {
    emit_known(block.pieces.unknown[n]);
    const PieceCache::Value& found = block.found[n];
    if (found.n_ids <= PieceIds::kInline) [[likely]] {
      std::memcpy(out, found.ids.words.data(), sizeof(found.ids.words));
      out += found.n_ids;
      continue;
    }
    flush();
    const std::span<const int32_t> more = many_ids(found, block, own);
    ids.insert(ids.end(), more.begin(), more.end());
  }
  emit_known(n_pieces);
  flush();
}

void BpeBlocks::emit_with_places(std::string_view text, std::span<const ByteRange> pieces,
                                 std::span<const uint32_t> piece_numbers, size_t first_piece, BpeScratch& own,
                                 PieceTokens tokens) const {
  const PieceBlock& block = own.block.pieces;
  size_t n = 0;  // unknown ones so far
  for (size_t k = 0; k < pieces.size(); ++k) {
    const size_t n_before = tokens.ids.size();
    if (n == block.n_unknown || block.unknown[n] != k) {
      tokens.ids.push_back(static_cast<int32_t>(block.known[k]));
    } else {
      const PieceCache::Value& found = own.block.found[n++];
      if (found.n_ids <= PieceIds::kInline) {
        for (size_t w = 0; w < found.n_ids; ++w) tokens.ids.push_back(static_cast<int32_t>(found.ids.words[w]));
      } else {
        const std::span<const int32_t> more = many_ids(found, own.block, own);
        tokens.ids.insert(tokens.ids.end(), more.begin(), more.end());
      }
    }
    const size_t n_ids = tokens.ids.size() - n_before;
    const uint32_t number = piece_numbers.empty() ? static_cast<uint32_t>(first_piece + k) : piece_numbers[k];
    if (tokens.pieces) tokens.pieces->insert(tokens.pieces->end(), n_ids, number);
    if (tokens.ranges) append_ranges(text, pieces[k], std::span(tokens.ids).subspan(n_before), own, *tokens.ranges);
  }
}

void BpeBlocks::append_ranges(std::string_view text, ByteRange piece, std::span<const int32_t> ids, BpeScratch& own,
                              std::vector<ByteRange>& ranges) const {
  const size_t n_before = ranges.size();
  uint32_t begin = piece.begin;
  const auto append = [&](uint32_t size) {
    const uint32_t end = std::min(begin + size, piece.end);
    ranges.push_back({begin, end});
    begin = end;
  };
  if (!tables_.sizes().empty()) {
    for (const int32_t id : ids) append(tables_.sizes()[id]);
    // No size is too large, so that all are right when they fill the piece.
    if (begin == piece.end) return;
  }
  ranges.resize(n_before);
  begin = piece.begin;
  split(text.substr(piece.begin, piece.end - piece.begin), true, own);
  for (const BpeWord::Symbol& symbol : own.word.symbols()) append(symbol.size);
}

}  // namespace tidemill
