#include "text/sentencepiece/spm_description.h"

#include <algorithm>
#include <deque>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "text/pieces/space_symbol.h"
#include "text/readers/base64.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;
using Proto = SentencePieceProto;

[[noreturn]] void throw_unsupported(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::unsupported, source + ": " + why +
                                          ", for which tokenizer.json has no like; use the file as it is, or the "
                                          "tokenizer.json of the model's authors");
}

// Pairs of pieces that make a piece, those of the best piece first.  Of pairs that make the same one, that of the
// smaller ids.
void list_merges(const Proto& proto, ModelDescription& model, const std::string& source) {
  struct Merge {
    float score;
    uint32_t made, left, right;
  };
  const auto is_unused = [&](size_t id) { return proto.pieces[id].type == TokenType::unused; };
  const auto is_normal = [&](size_t id) { return proto.pieces[id].type == TokenType::normal || is_unused(id); };
  std::unordered_map<std::string_view, uint32_t> ids;
  for (size_t id = 0; id < model.names.size(); ++id) {
    if (is_normal(id)) ids.emplace(model.names[id], static_cast<uint32_t>(id));
  }
  std::vector<Merge> merges;
  for (size_t id = 0; id < model.names.size(); ++id) {
    const std::string_view name = model.names[id];
    for (size_t cut = 1; is_normal(id) && cut < name.size(); ++cut) {
      const auto left = ids.find(name.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(name.substr(cut));
      if (right == ids.end()) continue;
      if (is_unused(id)) throw_unsupported(source, "token " + std::to_string(id) + " is unused, but can be merged");
      merges.push_back({proto.pieces[id].score, static_cast<uint32_t>(id), left->second, right->second});
    }
  }
  std::sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    if (a.score != b.score) return a.score > b.score;
    return std::tie(a.made, a.left, a.right) < std::tie(b.made, b.left, b.right);
  });
  for (const Merge& merge : merges) model.merges.emplace_back(model.names[merge.left], model.names[merge.right]);
}

json sequence(const char* field, json stages) {
  return {{"type", "Sequence"}, {field, std::move(stages)}};
}

json replace(const char* kind, std::string_view pattern, std::string_view content) {
  return {{"type", "Replace"}, {"pattern", {{kind, pattern}}}, {"content", content}};
}

json normalizer_of(const Proto& proto) {
  const SentencePieceNormalizerSpec& spec = proto.normalizer;
  json stages = json::array();
  if (!spec.charsmap.empty()) {
    stages.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", encode_base64(spec.charsmap)}});
  }
  if (spec.remove_extra_whitespaces) {
    stages.push_back({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}});
    stages.push_back(replace("Regex", " {2,}", " "));
  }
  if (proto.kind == Proto::Kind::bpe) {
    if (spec.add_dummy_prefix) stages.push_back({{"type", "Prepend"}, {"prepend", kSpaceSymbol}});
    stages.push_back(replace("String", " ", kSpaceSymbol));
  }
  return stages.empty() ? json() : sequence("normalizers", std::move(stages));
}

json decoder_of(const Proto& proto) {
  json stages = {replace("String", kSpaceSymbol, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (proto.normalizer.add_dummy_prefix) {
    stages.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return sequence("decoders", std::move(stages));
}

// Pieces that are found before the model sees a text.
void add_tokens(const SpmVocab& vocab, TokenizerDescription& description) {
  const HugeVector<Proto::Piece>& pieces = vocab.proto.pieces;
  for (size_t k = 0; k < pieces.size(); ++k) {
    const auto id = static_cast<int32_t>(k);
    const std::string_view name = description.model.names[k];
    const bool is_text = pieces[k].type == TokenType::user_defined;
    const bool is_control = pieces[k].type == TokenType::control || pieces[k].type == TokenType::unknown;
    if (name.empty() || (!is_text && !is_control)) continue;
    const bool is_reserved = std::binary_search(vocab.reserved.begin(), vocab.reserved.end(), id);
    // Runs of spaces are found once spaces are U+2581.
    const bool normalized = is_text && !vocab.proto.normalizer.add_dummy_prefix;
    description.added_tokens.push_back(
        {.content = std::string(name), .id = id, .special = is_control && !is_reserved, .normalized = normalized});
  }
}

// Those of pieces that are no text count as the lowest, which decides what an unknown character costs.
std::vector<double> scores_of(const Proto& proto) {
  const auto is_normal = [](const Proto::Piece& piece) { return piece.type == TokenType::normal; };
  double lowest = 0;
  for (const Proto::Piece& piece : proto.pieces) {
    if (is_normal(piece)) lowest = std::min(lowest, double{piece.score});
  }
  std::vector<double> scores;
  for (const Proto::Piece& piece : proto.pieces) scores.push_back(is_normal(piece) ? double{piece.score} : lowest);
  return scores;
}

// Pieces as they are found in a normalized text.
void name_tokens(const Proto& proto, TokenizerDescription& description) {
  const auto escaped = std::make_shared<std::deque<std::string>>();
  for (const Proto::Piece& piece : proto.pieces) {
    const bool has_space = piece.type == TokenType::user_defined && piece.text.find(' ') != piece.text.npos;
    description.model.names.push_back(has_space ? escaped->emplace_back(escape_spaces(piece.text)) : piece.text);
  }
  description.model.n_tokens = description.model.names.size();
  description.storage = escaped;
}

}  // namespace

TokenizerDescription describe_spm(const SpmVocab& vocab, const std::string& source) {
  const Proto& proto = vocab.proto;
  TokenizerDescription description;
  description.source = source;
  name_tokens(proto, description);
  ModelDescription& model = description.model;
  const bool is_bpe = proto.kind == Proto::Kind::bpe;
  model.byte_fallback = is_bpe || proto.byte_fallback;
  if (is_bpe) {
    model.kind = ModelDescription::Kind::bpe;
    model.fuse_unknown = true;
    if (proto.unknown >= 0) model.unknown_token = model.names[static_cast<size_t>(proto.unknown)];
    list_merges(proto, model, source);
  } else {
    model.kind = ModelDescription::Kind::unigram;
    model.unknown_id = proto.unknown;
    model.scores = scores_of(proto);
    const char* const scheme = proto.normalizer.add_dummy_prefix ? "always" : "never";
    description.pre_tokenizer = {
        {"type", "Metaspace"}, {"replacement", kSpaceSymbol}, {"prepend_scheme", scheme}, {"split", true}};
  }
  add_tokens(vocab, description);
  description.normalizer = normalizer_of(proto);
  description.decoder = decoder_of(proto);
  const int32_t before = vocab.add_bos ? vocab.bos : -1;
  const int32_t after = vocab.add_eos ? vocab.eos : -1;
  if (before >= 0 || after >= 0) description.post_processor = template_around(model, before, after);
  description.bos = vocab.bos;
  description.stop_ids = vocab.stop_ids;
  return description;
}

}  // namespace tidemill
