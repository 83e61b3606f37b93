// A tokenizer as Python holds it.
#pragma once

#include <memory>

#include "tidemill/tokenizer.h"

namespace tidemill::python {

struct SharedTokenizer {
  std::shared_ptr<const Tokenizer> tokenizer;  // never null
};

}  // namespace tidemill::python
