// Why a cut between "a" and " " is safe, stage by stage:
//   - A normalizer that replaces characters, or texts without such a pair inside, does to both parts what it does to
//   the
//     whole: neither letters and digits of ASCII nor the space combine with what is before them in any normal form.
//     What is put before or taken off the ends of a text (Prepend, Strip) is put to each part, so these are not safe;
//     nor are regular expressions, which may look anywhere.
//   - The known split patterns have no piece with such a pair inside, look one character ahead, and never back.  So the
//     pieces before the cut depend on no more than the "a" and the " ", and those behind it are what they are at the
//     start of a text.  A prefix space or metaspace is not added before a space, which the second part begins with.
//   - From the first stage on that cuts there, all later ones and the model see the pieces one by one.
//   - Without such a stage BPE sees the whole text.  Merges cross the cut only if some token of the vocabulary does.
#include "text/bpe/word_ends.h"

#include <algorithm>
#include <array>
#include <functional>

#include "text/pieces/space_symbol.h"
#include "text/split/split_patterns.h"

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

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_local(const json& normalizer) {
  static constexpr std::array<std::string_view, 9> kLocal = {
      "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer", "Nmt", "Precompiled"};
  const std::string type = type_of(normalizer);
  if (type == "Replace" && normalizer.at("pattern").contains("String")) {
    return normalizer["pattern"]["String"].get<std::string>().find(' ', 1) == std::string::npos;
  }
  return std::find(kLocal.begin(), kLocal.end(), type) != kLocal.end();
}

bool is_known_split(const json& stage) {
  return stage.value("behavior", "") == "Isolated" && !stage.value("invert", false) &&
         stage.at("pattern").contains("Regex") && find_split_pattern(stage["pattern"]["Regex"].get<std::string>());
}

// True when the stage cuts before every space behind a letter or digit.
bool cuts(const json& stage) {
  const std::string type = type_of(stage);
  if (type == "ByteLevel") return stage.value("use_regex", true);
  if (type == "Metaspace") return stage.value("split", true);
  if (type == "Split") return is_known_split(stage);
  return type == "BertPreTokenizer" || type == "Whitespace" || type == "WhitespaceSplit";
}

// True when the stage does to both parts what it does to the whole, though it may not cut there.
bool is_harmless(const json& stage) {
  const std::string type = type_of(stage);
  if (type == "Split") {
    // A text that is not there, as normalizers have replaced it, or one that is just a space.
    return stage.at("pattern").contains("String") && stage["pattern"]["String"] == " ";
  }
  return type == "Digits" || type == "Punctuation" || type == "ByteLevel" || type == "Metaspace";
}

}  // namespace

bool no_token_spans_word_end(std::string_view lines) {
  for (size_t at = lines.find(kSpaceSymbol); at != lines.npos; at = lines.find(kSpaceSymbol, at + 1)) {
    if (is_letter_or_digit(lines[at - 1])) return false;
  }
  // Without a token for a space it is unknown, and unknown neighbours may become one token.
  return lines.find("\n" + std::string(kSpaceSymbol) + "\n") != lines.npos;
}

bool splits_at_word_ends(const TokenizerDescription& description) {
  const std::vector<json> normalizers = flatten(description.normalizer, "normalizers");
  if (!std::all_of(normalizers.begin(), normalizers.end(), is_local)) return false;
  for (const json& stage : flatten(description.pre_tokenizer, "pretokenizers")) {
    if (cuts(stage)) return true;
    if (!is_harmless(stage)) return false;
  }
  if (description.model.kind != ModelDescription::Kind::bpe) return false;
  return no_token_spans_word_end(token_lines(description.model.names, std::identity()));
}

}  // namespace tidemill
