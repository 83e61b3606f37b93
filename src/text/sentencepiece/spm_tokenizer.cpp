#include "text/sentencepiece/spm_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "sys/beside.h"
#include "text/bpe/raw_reading.h"
#include "text/normalizers/normalizers.h"
#include "text/pieces/space_symbol.h"
#include "text/pipeline.h"
#include "text/sentencepiece/piece_names.h"
#include "text/sentencepiece/sentencepiece_stages.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Proto = SentencePieceProto;

// `names`: those of the pieces.
void check_pieces(const Proto& proto, const TokenStrings& names, const std::string& source) {
  const auto fail = [&](size_t id, const char* before, const char* after) {
    throw Error(ErrorCode::bad_file, source + ": " + before + "token " + std::to_string(id) + " '" +
                                         std::string(proto.pieces[id].text) + "' " + after +
                                         "; get the file again from where it was published");
  };
  if (proto.pieces.empty()) {
    throw Error(ErrorCode::bad_file,
                source + ": the vocabulary is empty; get the file again from where it was published");
  }
  const bool all_utf8 = are_utf8(names);
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    if (!all_utf8 && !is_utf8(proto.pieces[id].text)) fail(id, "", "is not UTF-8");
    if (std::isnan(proto.pieces[id].score)) fail(id, "the score of ", "is not a number");
  }
}

// What is found in a text before the normalizer sees it.
std::vector<AddedToken> added_tokens(const Proto& proto, const std::vector<int32_t>& reserved) {
  std::vector<AddedToken> tokens;
  for (size_t k = 0; k < proto.pieces.size(); ++k) {
    const auto& [text, score, type] = proto.pieces[k];
    if (text.empty()) continue;
    const auto id = static_cast<int32_t>(k);
    const auto add = [&](std::string content, bool special) {
      tokens.push_back({.content = std::move(content), .id = id, .special = special, .normalized = false});
    };
    if (type == TokenType::control || type == TokenType::unknown) {
      add(std::string(text), !std::binary_search(reserved.begin(), reserved.end(), id));
    } else if (type == TokenType::user_defined && !proto.normalizer.add_dummy_prefix) {
      // Runs of spaces are found in the normalized text only, and other tokens with spaces here in either spelling, of
      // which the last is the token's name.
      const std::string plain = unescape_spaces(text);
      const std::string escaped = escape_spaces(plain);
      if (plain != escaped && plain.find_first_not_of(' ') != plain.npos) add(plain, false);
      add(escaped, false);
    }
  }
  return tokens;
}

// How the model can read what lies between added tokens, or, as they are user-defined pieces too, between those that it
// is not to find itself.
std::optional<RawText> raw_text(const Proto& proto, std::vector<AddedToken>& added) {
  std::optional<RawText> raw = raw_text_of(proto);
  if (!raw || proto.normalizer.add_dummy_prefix) return raw;
  std::vector<RawText::Whole> wholes = take_wholes(added);
  // Added tokens come before the runs of spaces that are found in normalized texts, which must not matter.
  const auto has_space = [](const RawText::Whole& whole) { return whole.text.find(' ') != std::string::npos; };
  if (std::any_of(wholes.begin(), wholes.end(), has_space)) return {};
  for (RawText::Whole& symbol : raw->wholes) {
    if (symbol.text.find_first_not_of(' ') == std::string::npos) wholes.push_back(std::move(symbol));
  }
  raw->wholes = std::move(wholes);
  return raw;
}

std::unique_ptr<const Normalizer> make_normalizer(const Proto& proto, const std::string& source) {
  const SentencePieceNormalizerSpec& spec = proto.normalizer;
  const bool as_hugging_face = spec.charsmap.empty() && !spec.remove_extra_whitespaces && spec.escape_whitespaces;
  if (!as_hugging_face) return make_text_normalizer(proto, source + ": normalizer");
  std::vector<NormalizerPtr> steps;
  if (spec.add_dummy_prefix) steps.push_back(make_prepend(std::string(kSpaceSymbol)));
  steps.push_back(make_replace_string(" ", std::string(kSpaceSymbol)));
  return make_normalizer_sequence(std::move(steps));
}

std::unique_ptr<const PostProcessor> surroundings(const SpmVocab& vocab) {
  const auto ids = [](bool add, int32_t id) { return add && id >= 0 ? std::vector{id} : std::vector<int32_t>(); };
  const std::vector<int32_t> bos = ids(vocab.add_bos, vocab.bos);
  const std::vector<int32_t> eos = ids(vocab.add_eos, vocab.eos);
  if (bos.empty() && eos.empty()) return nullptr;
  const auto text = [&](int32_t sequence) {
    return std::vector<TemplatePiece>{{.sequence = -1, .ids = bos, .type_id = sequence},
                                      {.sequence = sequence, .ids = {}, .type_id = sequence},
                                      {.sequence = -1, .ids = eos, .type_id = sequence}};
  };
  std::vector<TemplatePiece> pair = text(0);
  for (TemplatePiece& piece : text(1)) pair.push_back(std::move(piece));
  return make_template_processing(text(0), std::move(pair));
}

std::unique_ptr<const TokenDecoder> make_decoder(bool has_space_prefix) {
  std::vector<std::unique_ptr<const TokenDecoder>> decoders;
  decoders.push_back(make_replace_decoder(std::string(kSpaceSymbol), " "));
  decoders.push_back(make_byte_fallback_decoder());
  decoders.push_back(make_fuse_decoder());
  if (has_space_prefix) decoders.push_back(make_strip_decoder(" ", 1, 0));
  return make_decoder_sequence(std::move(decoders));
}

}  // namespace

std::shared_ptr<const Tokenizer> make_spm_tokenizer(const SpmVocab& vocab, const std::string& source,
                                                    const TokenizerOptions& options) {
  const Proto& proto = vocab.proto;
  const auto names = std::make_shared<const TokenStrings>(names_of(proto));
  check_pieces(proto, *names, source);
  Beside<TextCuts> cuts(1, [&] { return find_text_cuts(proto, *names); });
  PipelineParts parts;
  parts.added_tokens = added_tokens(proto, vocab.reserved);
  parts.normalizer = make_normalizer(proto, source);
  const std::optional<RawText> raw = raw_text(proto, parts.added_tokens);
  parts.model = make_sentencepiece_pieces(proto, names, raw ? &*raw : nullptr, source);
  parts.post_processor = surroundings(vocab);
  parts.decoder = make_decoder(proto.normalizer.add_dummy_prefix);
  parts.stop_ids = vocab.stop_ids;
  parts.bos = vocab.bos;
  parts.cuts = cuts.get();
  return make_pipeline(std::move(parts), options);
}

}  // namespace tidemill
