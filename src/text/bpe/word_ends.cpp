// Why cuts are safe, stage by stage.  Between "a" and " " (TextCuts::word_ends):
//   - A normalizer that replaces characters, or texts without such a pair inside, does to both parts what it does to
//     the whole: neither letters and digits of ASCII nor the space combine with what is before them in any normal form.
//     What is put before or taken off the ends of a text (Prepend, Strip) is put to each part, so these are not safe;
//     nor are regular expressions, which may look anywhere.
//   - The known split patterns have no piece with such a pair inside, look one character ahead, and never back.  So the
//     pieces before the cut depend on no more than the "a" and the " ", and those behind it are what they are at the
//     start of a text.  A prefix space or metaspace is not added before a space, which the second part begins with.
//   - From the first stage on that cuts there, all later ones and the model see the pieces one by one.
//   - Without such a stage BPE sees the whole text.  Merges cross the cut only if some token of the vocabulary does.
//
// The other kinds of TextCuts need a stage that cuts there, and normalizers that work character by character:
//   - Before a space, behind any letter or number: whatever a normal form makes of it ends with no white space, so that
//     the space begins a piece, and no run of white space ends with the first part.
//   - Between a line feed, with no white space before it, and a letter: a run of one is a piece of its own, or the end
//     of one, whether or not the text ends with it; no pattern joins it to a letter that follows.
//   - Between a letter and ideographic punctuation: runs of letters end there, and a piece begins.  Not where letters
//     are taken apart (NFD): marks are of one kind with punctuation.
//   - In place of a space between letters or digits of ASCII (joined_words): where one U+2581 is put before each text
//     and spaces become U+2581, without a stage that cuts, the second part begins as it does in the whole.
#include "text/bpe/word_ends.h"

#include <algorithm>
#include <array>

#include "text/bpe/spaced_tokens.h"
#include "text/pieces/space_symbol.h"
#include "text/split/split_patterns.h"
#include "text/split/split_stages.h"

namespace tidemill {
namespace {

using nlohmann::json;

std::string type_of(const json& stage) {
  return stage.value("type", "");
}

std::vector<json> flatten(const json& stage, const char* list) {
  std::vector<json> stages;
  if (stage.is_null()) return stages;
  if (type_of(stage) != "Sequence") return {stage};
  for (const json& part : stage.at(list)) {
    for (json& inner : flatten(part, list)) stages.push_back(std::move(inner));
  }
  return stages;
}

template <size_t kSize>
bool is_any_of(const std::array<std::string_view, kSize>& types, const json& stage) {
  return std::find(types.begin(), types.end(), type_of(stage)) != types.end();
}

// The kinds of places beside the ends of words.
enum class Place : uint8_t { word_end, space, line_end, punctuation };

bool is_local(const json& normalizer, Place place) {
  static constexpr std::array<std::string_view, 4> kComposed = {"NFC", "NFKC", "Lowercase", "BertNormalizer"};
  static constexpr std::array<std::string_view, 3> kDecomposed = {"NFD", "NFKD", "StripAccents"};
  static constexpr std::array<std::string_view, 2> kMaps = {"Nmt", "Precompiled"};
  if (is_any_of(kComposed, normalizer)) return true;
  if (is_any_of(kDecomposed, normalizer)) return place != Place::punctuation;
  if (place != Place::word_end) return false;
  if (type_of(normalizer) == "Replace" && normalizer.at("pattern").contains("String")) {
    return normalizer["pattern"]["String"].get<std::string>().find(' ', 1) == std::string::npos;
  }
  return is_any_of(kMaps, normalizer);
}

// True when something is put before pieces that do not begin with a space.
bool adds_prefix(const json& stage) {
  const std::string type = type_of(stage);
  return type == "Metaspace" || (type == "ByteLevel" && stage.value("add_prefix_space", true));
}

// True when the stage cuts at every such place.
bool cuts(const json& stage, Place place) {
  const bool before_space = place == Place::word_end || place == Place::space;
  if (!before_space && adds_prefix(stage)) return false;
  const std::string type = type_of(stage);
  if (type == "ByteLevel") return stage.value("use_regex", true);
  if (type == "Metaspace") return stage.value("split", true);
  if (type == "Split") return find_split_pattern(isolating_pattern(stage)) != nullptr;
  if (type == "WhitespaceSplit") return place != Place::punctuation;
  return type == "BertPreTokenizer" || type == "Whitespace";
}

// True when the stage does to both parts what it does to the whole, though it may not cut there.
bool is_harmless(const json& stage, Place place) {
  const bool before_space = place == Place::word_end || place == Place::space;
  if (!before_space && adds_prefix(stage)) return false;
  const std::string type = type_of(stage);
  if (type == "Split") {
    // A text that is not there, as normalizers have replaced it, or one that is just a space.
    return stage.at("pattern").contains("String") && stage["pattern"]["String"] == " ";
  }
  return type == "Digits" || type == "Punctuation" || type == "ByteLevel" || type == "Metaspace";
}

// True when all stages allow to cut at such places, and some stage cuts there.
bool may_cut(const std::vector<json>& normalizers, const std::vector<json>& pre_tokenizers, Place place) {
  if (!std::all_of(normalizers.begin(), normalizers.end(), [=](const json& stage) { return is_local(stage, place); })) {
    return false;
  }
  if (find_split_stages(pre_tokenizers).splitter) return true;
  for (const json& stage : pre_tokenizers) {
    if (cuts(stage, place)) return true;
    if (!is_harmless(stage, place)) return false;
  }
  return false;
}

// Where nothing cuts: whether the stages do to both parts of a text what they do to the whole.
bool leave_word_ends(const std::vector<json>& normalizers, const std::vector<json>& pre_tokenizers) {
  return std::all_of(normalizers.begin(), normalizers.end(),
                     [](const json& stage) { return is_local(stage, Place::word_end); }) &&
         std::all_of(pre_tokenizers.begin(), pre_tokenizers.end(),
                     [](const json& stage) { return is_harmless(stage, Place::word_end); });
}

// Whether all that the stages do is to put one U+2581 before a text and to turn spaces into U+2581.
bool only_join_words(const std::vector<json>& normalizers, const std::vector<json>& pre_tokenizers) {
  if (normalizers.empty() && pre_tokenizers.size() == 1) {
    const json& stage = pre_tokenizers[0];
    return type_of(stage) == "Metaspace" && !stage.value("split", true) &&
           stage.value("replacement", "") == kSpaceSymbol && stage.value("prepend_scheme", "always") != "never" &&
           stage.value("add_prefix_space", true);
  }
  if (normalizers.size() != 2 || !pre_tokenizers.empty()) return false;
  const json& replace = normalizers[1];
  return type_of(normalizers[0]) == "Prepend" && normalizers[0].value("prepend", "") == kSpaceSymbol &&
         type_of(replace) == "Replace" && replace.at("pattern").value("String", "") == " " &&
         replace.value("content", "") == kSpaceSymbol;
}

}  // namespace

TextCuts find_text_cuts(const TokenizerDescription& description) {
  const std::vector<json> normalizers = flatten(description.normalizer, "normalizers");
  const std::vector<json> pre_tokenizers = flatten(description.pre_tokenizer, "pretokenizers");
  const auto may = [&](Place place) { return may_cut(normalizers, pre_tokenizers, place); };
  TextCuts found{.word_ends = may(Place::word_end),
                 .spaces = may(Place::space),
                 .line_ends = may(Place::line_end),
                 .punctuation = may(Place::punctuation)};
  if (found.word_ends || description.model.kind != ModelDescription::Kind::bpe) return found;
  const bool leave = leave_word_ends(normalizers, pre_tokenizers);
  const bool join = only_join_words(normalizers, pre_tokenizers);
  if ((leave || join) && no_token_spans_word_end(TokenStrings(description.model.names))) {
    found.word_ends = leave && !join;
    found.joined_words = join;
  }
  return found;
}

}  // namespace tidemill
