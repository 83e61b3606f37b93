// How texts become vectors by the metadata of a GGUF.
#pragma once

#include "api/sentence_modules.h"
#include "formats/gguf.h"

namespace tidemill {

// Whether the file says how: then that is what its model is for.
bool makes_vectors(const GgufFile& file);

// `d_model` is the size of the model's hidden states.  Throws bad_file naming the tensor, and unsupported.
SentenceModules sentence_modules_of(const GgufFile& file, int64_t d_model);

}  // namespace tidemill
