// What stands before a model of SentencePiece's kind in a tokenizer, told in a form that lets the model read a text as
// it comes, past all of it: that spaces are U+2581, what goes before a text, and which added tokens cut it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemill {

struct RawText {
  // Which texts between special tokens get a space in front.
  enum class Prefix : uint8_t {
    none,
    always,
    unless_there,
    at_start_unless_there,  // only where the caller's text begins
  };
  // A token that is found before any other, the leftmost first and of several the longest; without U+2581.
  struct Whole {
    std::string text;  // as a raw text spells it; not empty
    int32_t id;
  };

  Prefix prefix = Prefix::none;
  std::vector<Whole> wholes;  // what follows one gets no prefix
};

}  // namespace tidemill
