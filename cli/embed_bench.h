// tidemill embed --bench: how fast texts become vectors on this machine.
#pragma once

#include "cli/options.h"
#include "tidemill/embedder.h"

namespace tidemill::cli {

// Embeds batches of random tokens by --batch and --seq-len for about half a second, and prints the median.
void bench_embeddings(const Embedder& embedder, const Arguments& arguments);

}  // namespace tidemill::cli
