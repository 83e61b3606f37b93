// Cuts a normalized text into the pieces that the model sees, and may still change it (Metaspace turns ' ' into
// U+2581).
#pragma once

#include <vector>

#include "text/normalized_text.h"
#include "text/split/splitter.h"
#include "text/words/ascii_words.h"

namespace tidemill {

// Immutable; any number of threads may call it.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // Cuts each of `pieces`, ascending ranges of `text`, further.  Parts may be dropped (delimiters); none is empty.
  virtual void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const = 0;

  // Not null when this does no more than cut: a long text can then be cut block by block.
  virtual const Splitter* as_splitter() const { return nullptr; }

  // Not null when this cuts by the classes of single characters: that of each one of ASCII.
  virtual const AsciiClasses* ascii_classes() const { return nullptr; }

  // True when this drops all white space, and no piece depends on what lies beyond it.
  virtual bool drops_white_space() const { return false; }

  // True when pieces depend on where a normalized text comes from (Metaspace that prepends at the start only): the text
  // must then be tracked.
  virtual bool needs_origins() const { return false; }
};

}  // namespace tidemill
