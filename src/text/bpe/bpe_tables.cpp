#include "text/bpe/bpe_tables.h"

#include <utility>

#include "text/bpe/bpe_rules.h"
#include "text/bpe/bpe_whole_tokens.h"

namespace tidemill {
namespace {

// Of more rules the proof would take longer than it saves: what is not proven is merged once.  Where whole pieces are
// tokens it also allows to cut long ones.
constexpr size_t kMostProven = size_t{1} << 18;
constexpr size_t kMostProvenToCut = size_t{1} << 19;
// Unknown ones from this size on are cut before they are merged, where a text allows it.  Pieces that a pattern cut
// have seldom a place inside; words of a whole text end with what follows them.
constexpr size_t kCutPiecesFrom = 16;
constexpr size_t kCutWordsFrom = 6;

bool lists_pairs(const BpeVocab& vocab) {
  return vocab.order != BpeVocab::Order::scores || !vocab.texts.empty() || vocab.n_tokens() <= vocab.most_listed;
}

// As raw texts spell them, where those are read.
KnownPieces known_pieces(const BpeVocab& vocab, const TokenStrings& texts, const std::vector<bool>& confirmed) {
  if (!vocab.raw) return KnownPieces(texts, confirmed);
  KnownPieces known(texts, confirmed, KnownPieces::Spelling::spaced);
  for (const RawText::Whole& whole : vocab.raw->wholes) {
    if (whole.text.size() > PieceKey::kLongest) continue;
    const PieceKey key = piece_key(whole.text);
    known.confirm(key, piece_hash(key), static_cast<uint32_t>(whole.id));
  }
  return known;
}

}  // namespace

BpeTables::BpeTables(const BpeVocab& vocab, const std::string& source)
    : BpeTables(vocab, source,
                vocab.name_strings ? vocab.name_strings : std::make_shared<const TokenStrings>(vocab.names)) {}

BpeTables::BpeTables(const BpeVocab& vocab, const std::string& source, std::shared_ptr<const TokenStrings> names)
    : BpeTables(vocab, source, names, begin_loading(vocab, *names)) {}

BpeTables::BpeTables(const BpeVocab& vocab, const std::string& source, std::shared_ptr<const TokenStrings> names,
                     Loading loading)
    : names_(std::move(names)),
      name_index_(*names_, source, lists_pairs(vocab) ? nullptr : &loading.hashes),
      texts_(vocab.texts.empty() ? std::optional<Texts>() : std::optional<Texts>(std::in_place, vocab.texts, source)),
      symbols_(vocab, name_index_, text_strings(), source),
      pairs_(make_pairs(vocab, source, loading)),
      byte_pairs_(pairs_.has_ties() ? std::vector<uint32_t>() : symbols_.plain_bytes(), pairs_),
      sizes_(symbols_.sizes(text_strings())),
      cuts_(make_cuts(vocab, loading)),
      byte_joints_(make_joints(vocab, loading)),
      joints_(cuts_          ? &cuts_->joints()
              : byte_joints_ ? &*byte_joints_
                             : nullptr),
      cut_from_(cuts_ ? kCutWordsFrom : kCutPiecesFrom),
      known_(make_known(vocab, loading)),
      cutter_(make_cutter(vocab)),
      prefix_(vocab.raw ? vocab.raw->prefix : RawText::Prefix::none),
      whole_pieces_(vocab.whole_pieces),
      known_tell_wholes_(vocab.whole_pieces && !vocab.raw),
      cache_bytes_(vocab.cache_bytes) {}

// Tables of large vocabularies are made on other threads, where there are any, while this one finds the pairs.
BpeTables::Loading BpeTables::begin_loading(const BpeVocab& vocab, const TokenStrings& names) {
  Loading loading;
  const bool makes_them_later = lists_pairs(vocab) || vocab.whole_pieces;
  if (makes_them_later) return loading;
  loading.cuts = Beside<BpeCuts>(1, [&names] { return BpeCuts(names); });
  loading.known =
      Beside<KnownPieces>(2, [&] { return known_pieces(vocab, names, std::vector<bool>(vocab.n_tokens())); });
  return loading;
}

// Leaves the rules and which tokens are whole in `loading`.
BpePairs BpeTables::make_pairs(const BpeVocab& vocab, const std::string& source, Loading& loading) const {
  loading.whole_tokens.resize(vocab.n_tokens());
  if (!lists_pairs(vocab)) return BpePairs(name_index_, loading.hashes, concatenation_ranks(vocab));
  loading.rules = bpe_rules(vocab, name_index_, text_index(), source);
  BpePairs pairs(loading.rules);
  const size_t most_rules = vocab.whole_pieces ? kMostProvenToCut : kMostProven;
  if (!pairs.has_ties() && !loading.rules.empty() && loading.rules.size() <= most_rules) {
    loading.whole_tokens = find_whole_tokens(vocab.n_tokens(), symbols_.ids(), loading.rules, pairs);
    // "<0x41>" is no text of theirs.
    for (const uint32_t id : symbols_.byte_token_ids()) loading.whole_tokens[id] = false;
  }
  return pairs;
}

// A piece that is a whole text is cut into words; not where a token may be a piece without being made by merging.
std::optional<BpeCuts> BpeTables::make_cuts(const BpeVocab& vocab, Loading& loading) const {
  if (vocab.byte_symbols || vocab.whole_pieces || !symbols_.are_local()) return {};
  if (loading.cuts.any()) return loading.cuts.get();  // of all tokens, also the few that no merge makes
  const TokenStrings& texts = text_strings();
  const auto n_texts = static_cast<size_t>(texts.size());
  std::vector<bool> is_made(n_texts), is_byte(n_texts);
  for (const uint32_t id : symbols_.byte_token_ids()) is_byte[id] = true;
  for (const BpePairs::Rule& rule : loading.rules) {
    // The names of such tokens do not tell which characters they join.
    if (is_byte[rule.left] || is_byte[rule.right]) return {};
    is_made[rule.id] = true;
  }
  std::vector<std::string_view> made;
  for (size_t id = 0; id < n_texts; ++id) {
    if (is_made[id]) made.push_back(texts[static_cast<int32_t>(id)]);
  }
  return BpeCuts(TokenStrings(made));
}

// Where pieces that begin as their bytes can be cut.  Not where a token may be a piece without being made by merging:
// its spelling may be part of a longer piece.
std::optional<CharacterJoints> BpeTables::make_joints(const BpeVocab& vocab, const Loading& loading) const {
  if (byte_pairs_.empty()) return {};
  const TokenStrings& texts = text_strings();
  for (int32_t id = 0; vocab.whole_pieces && id < texts.size(); ++id) {
    if (!loading.whole_tokens[static_cast<size_t>(id)] && !texts[id].empty()) return {};
  }
  return CharacterJoints(texts, CharacterJoints::Ascii::joined);
}

KnownPieces BpeTables::make_known(const BpeVocab& vocab, Loading& loading) const {
  if (loading.known.any()) return loading.known.get();
  return known_pieces(vocab, text_strings(),
                      vocab.whole_pieces ? std::vector<bool>(vocab.n_tokens(), true) : loading.whole_tokens);
}

std::unique_ptr<const JointCutter> BpeTables::make_cutter(const BpeVocab& vocab) const {
  const bool reads_raw = vocab.raw && symbols_.read_spaces() && cuts_ && cuts_->joints().are_of_characters();
  return reads_raw ? std::make_unique<JointCutter>(cuts_->joints(), vocab.raw->wholes) : nullptr;
}

}  // namespace tidemill
