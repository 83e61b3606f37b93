// A tokenizer's files as the metadata of a GGUF: gguf_tokenizer.h the other way round.
#pragma once

#include <cstdint>

#include "api/companion_files.h"
#include "formats/gguf_writer.h"
#include "models/file_form.h"
#include "models/source.h"

namespace tidemill {

// Adds what llama.cpp needs to make the same tokenizer, for an embedding of `vocab_size` rows: byte-level BPE, and BPE
// of characters as SentencePiece makes it.  Of a model without tokenizer it says so.  Throws unsupported for other
// kinds and for a way of cutting text into words that GGUF has no name for.
void add_tokenizer_entries(const CompanionFiles& files, const ModelSource& source, int64_t vocab_size,
                           const FileTarget& target, GgufEntries& entries);

}  // namespace tidemill
