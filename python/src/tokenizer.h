// A tokenizer as Python holds it.
#pragma once

#include <memory>

#include "python/src/id_lists.h"
#include "tidemill/encoding_cache.h"
#include "tidemill/tokenizer.h"

namespace tidemill::python {

struct SharedTokenizer {
  std::shared_ptr<const Tokenizer> tokenizer;     // never null
  std::shared_ptr<EncodingCache> encodings = {};  // of whole texts; null: none
  std::shared_ptr<IdLists> lists = {};            // null until a batch was encoded
};

}  // namespace tidemill::python
