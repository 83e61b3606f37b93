// What is done to a text before it is cut into pieces: Unicode normal forms, lower case, replaced spaces.
#pragma once

#include "text/normalized_text.h"

namespace tidemill {

// Immutable; any number of threads may call it.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // Leaves `text` untouched, without a copy, where there is nothing to change.
  virtual void apply(NormalizedText& text) const = 0;
};

}  // namespace tidemill
