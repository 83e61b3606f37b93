// The normalizers of Hugging Face's tokenizers, each with the text and the offsets that tokenizers 0.23.3 gives.
// All are immutable, hold no reference to what they were made from, and leave a text alone that they would not change.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalizer.h"

namespace tidemill {

using NormalizerPtr = std::unique_ptr<const Normalizer>;

enum class NormalForm : uint8_t { nfc, nfd, nfkc, nfkd };  // of Unicode 9.0, as the reference has them
NormalizerPtr make_normal_form(NormalForm form);

// Lower case character by character: a final sigma is not told from others.
NormalizerPtr make_lowercase();

struct StripSides {
  bool left = true;
  bool right = true;
};
// Drops white space at the ends.
NormalizerPtr make_strip(StripSides sides);

// Drops combining marks; decomposes nothing.
NormalizerPtr make_strip_accents();

// Every occurrence of `pattern`, from left to right, becomes `content`.
NormalizerPtr make_replace_string(std::string pattern, std::string content);
// The same for a regular expression (text/regex/regex.h); `content` is taken literally.  Throws bad_file for a
// malformed pattern and unsupported for one that cannot be run, naming `where`.
NormalizerPtr make_replace_regex(std::string_view pattern, std::string content, const std::string& where);

// Puts `prefix` before a text that is not empty.
NormalizerPtr make_prepend(std::string prefix);

struct BertOptions {
  bool clean_text = true;             // drop control characters, turn white space into spaces
  bool handle_chinese_chars = true;   // surround them by spaces
  std::optional<bool> strip_accents;  // when not said: as `lowercase`
  bool lowercase = true;
};
NormalizerPtr make_bert_normalizer(const BertOptions& options);

// The rules of sentencepiece's "nmt": control characters go, odd spaces become spaces.
NormalizerPtr make_nmt();

// Spells every byte as a character of GPT-2's alphabet.  Byte-level BPE on raw bytes wants this left out.
NormalizerPtr make_byte_level_normalizer();

// One after the other.
NormalizerPtr make_normalizer_sequence(std::vector<NormalizerPtr> normalizers);

}  // namespace tidemill
