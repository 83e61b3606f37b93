#include "text/sentencepiece/sentencepiece_stages.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bpe/spaced_tokens.h"
#include "text/pieces/space_symbol.h"
#include "text/sentencepiece/sentencepiece_bpe.h"
#include "text/sentencepiece/sentencepiece_normalizer.h"
#include "text/sentencepiece/sentencepiece_units.h"
#include "text/sentencepiece/user_defined_symbols.h"
#include "text/unigram/unigram.h"

namespace tidemill {
namespace {

std::unique_ptr<const Normalizer> make_normalizer(const SentencePieceNormalizerSpec& spec, bool as_suffix,
                                                  std::span<const std::string_view> user_defined,
                                                  const std::string& where) {
  return make_sentencepiece_normalizer(
      spec.charsmap.empty() ? Charsmap() : Charsmap(spec.charsmap, where + ".precompiled_charsmap"),
      {.add_dummy_prefix = spec.add_dummy_prefix,
       .remove_extra_whitespaces = spec.remove_extra_whitespaces,
       .escape_whitespaces = spec.escape_whitespaces,
       .as_suffix = as_suffix},
      user_defined);
}

std::unique_ptr<const PieceModel> make_unigram_pieces(const SentencePieceProto& proto, const std::string& source) {
  UnigramVocab vocab;
  for (const SentencePieceProto::Piece& piece : proto.pieces) {
    vocab.tokens.push_back(piece.text);
    vocab.scores.push_back(piece.score);
    vocab.types.push_back(piece.type);
  }
  vocab.unknown = proto.unknown;
  vocab.byte_fallback = proto.byte_fallback;
  return make_unigram(vocab, UnigramRules::sentencepiece, source);
}

}  // namespace

std::optional<RawText> raw_text_of(const SentencePieceProto& proto) {
  const SentencePieceNormalizerSpec& spec = proto.normalizer;
  const bool reads_raw = proto.kind == SentencePieceProto::Kind::bpe && spec.charsmap.empty() &&
                         !spec.remove_extra_whitespaces && spec.escape_whitespaces && !proto.treat_whitespace_as_suffix;
  if (!reads_raw) return {};
  RawText raw{.prefix = spec.add_dummy_prefix ? RawText::Prefix::always : RawText::Prefix::none, .wholes = {}};
  for (const UserDefinedSymbol& symbol : user_defined_symbols(proto)) {
    raw.wholes.push_back({unescape_spaces(symbol.text), symbol.id});
  }
  return raw;
}

std::unique_ptr<const PieceModel> make_sentencepiece_pieces(const SentencePieceProto& proto,
                                                            std::shared_ptr<const TokenStrings> names,
                                                            const RawText* raw, const std::string& source) {
  switch (proto.kind) {
    case SentencePieceProto::Kind::unigram:
      return make_unigram_pieces(proto, source);
    case SentencePieceProto::Kind::bpe:
      return make_sentencepiece_bpe(proto, std::move(names), raw, source);
    case SentencePieceProto::Kind::word:
    case SentencePieceProto::Kind::character:
      break;
  }
  return make_sentencepiece_units(proto, source);
}

std::unique_ptr<const Normalizer> make_text_normalizer(const SentencePieceProto& proto, const std::string& where) {
  std::vector<std::string_view> user_defined;
  const std::vector<UserDefinedSymbol> symbols = user_defined_symbols(proto);
  for (const UserDefinedSymbol& symbol : symbols) user_defined.push_back(symbol.text);
  return make_normalizer(proto.normalizer, proto.treat_whitespace_as_suffix, user_defined, where);
}

TextCuts find_text_cuts(const SentencePieceProto& proto, const TokenStrings& names) {
  const SentencePieceNormalizerSpec& spec = proto.normalizer;
  const bool spaces_only = spec.charsmap.empty() && spec.escape_whitespaces && !proto.treat_whitespace_as_suffix;
  if (proto.kind != SentencePieceProto::Kind::bpe || !spaces_only) return {};
  if (spec.remove_extra_whitespaces && !spec.add_dummy_prefix) return {};
  const auto bars_cuts = [&](const SentencePieceProto::Piece& piece) {
    // Pieces that are split again, and symbols that are found with the space before a word.
    const bool has_space = piece.type == TokenType::user_defined && piece.text.find(' ') != piece.text.npos;
    return piece.type == TokenType::unused || (spec.add_dummy_prefix && has_space);
  };
  if (std::any_of(proto.pieces.begin(), proto.pieces.end(), bars_cuts) || !no_token_spans_word_end(names)) return {};
  return {.word_ends = !spec.add_dummy_prefix, .joined_words = spec.add_dummy_prefix};
}

std::unique_ptr<const Normalizer> make_text_denormalizer(const SentencePieceProto& proto, const std::string& where) {
  if (!proto.denormalizer || proto.denormalizer->charsmap.empty()) return nullptr;
  return make_normalizer(*proto.denormalizer, false, {}, where);
}

}  // namespace tidemill
