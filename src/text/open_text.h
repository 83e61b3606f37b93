// One text in parts for several threads where what a part becomes depends, if seldom, on what is before it: parts are
// encoded in any order, and what was left open is decided when they are appended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tidemill/tokenizer.h"

namespace tidemill {

class OpenText {
 public:
  virtual ~OpenText() = default;
  virtual size_t n_parts() const = 0;
  // Once for each part, in any order and from any threads.
  virtual void encode(size_t part) = 0;
  // Appends the ids of an encoded part; part by part, by one thread at a time.  The last one makes `ids` what the text
  // becomes, but for what is added around it; until then they may be anything.
  virtual void append(size_t part, std::vector<int32_t>& ids) = 0;
};

// A tokenizer that may be one of these as well.
class OpensTexts {
 public:
  virtual ~OpensTexts() = default;
  // `text`, which the result refers to, in at most `n_parts` > 0 parts; null where it must be encoded as a whole.
  // Throws invalid_argument for forbidden special tokens.
  virtual std::unique_ptr<OpenText> open(std::string_view text, size_t n_parts, SpecialText special_text) const = 0;
};

}  // namespace tidemill
