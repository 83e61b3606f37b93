// tidemill tokenize --bench: how fast a text is encoded.
#pragma once

#include "cli/options.h"
#include "tidemill/tokenizer.h"

namespace tidemill::cli {

// Encodes the file of --input on --threads threads and prints bytes, tokens and seconds.
void bench_tokenizer(const Tokenizer& tokenizer, const Arguments& arguments);

}  // namespace tidemill::cli
