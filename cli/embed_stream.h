// tidemill embed --stream: a text that comes piece by piece to vectors of its chunks, as soon as they are there.
#pragma once

#include <array>

#include "cli/options.h"
#include "tidemill/embedder.h"

namespace tidemill::cli {

inline constexpr std::array kStreamOptions = {
    Option{.flag = "--stream", .help = "a line of JSON for each chunk of standard input, as it comes"},
    Option{.flag = "--chunk-by",
           .kind = OptionKind::text,
           .value_name = "C",
           .help = "what ends a chunk besides its length: sentence, time, or tokens: nothing else",
           .fallback = "tokens"},
    Option{.flag = "--chunk-tokens",
           .kind = OptionKind::integer,
           .value_name = "N",
           .help = "tokens of a chunk at most, special ones among them",
           .fallback = "128",
           .min = 1,
           .max = 1 << 20},
    Option{.flag = "--chunk-ms",
           .kind = OptionKind::number,
           .value_name = "T",
           .help = "text waits no longer for more of its chunk; 0: as long as it takes, by time a second",
           .fallback = "0",
           .min = 0,
           .max = 1e9},
    Option{.flag = "--wait-ms",
           .kind = OptionKind::number,
           .value_name = "T",
           .help = "a chunk waits no longer for others to be embedded with",
           .fallback = "10",
           .min = 0,
           .max = 1e6},
    Option{.flag = "--aggregate",
           .kind = OptionKind::text,
           .value_name = "A",
           .help = "a vector of all chunks so far comes with each: none, mean, max, tokens or position",
           .fallback = "none"}};

// Reads standard input to its end; returns the exit status.
int stream_embeddings(const Embedder& embedder, const Arguments& arguments, const EmbedOptions& options);

}  // namespace tidemill::cli
