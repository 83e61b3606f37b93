// tidemill embed --input PATH --output FOLDER: files of texts to files of vectors.
#pragma once

#include <array>

#include "cli/options.h"
#include "tidemill/embedder.h"

namespace tidemill::cli {

inline constexpr std::array kJobOptions = {
    Option{.flag = "--input",
           .kind = OptionKind::text,
           .value_name = "PATH",
           .help = "embed the texts of this file, or of all files in this folder: .jsonl, .ndjson, .parquet, .txt (a "
                   "text a line)"},
    Option{.flag = "--output",
           .kind = OptionKind::text,
           .value_name = "FOLDER",
           .help = "where their vectors go, file by file; the same command again goes on where it was ended"},
    Option{.flag = "--column",
           .kind = OptionKind::text,
           .value_name = "C",
           .help = "the field or column that holds the texts",
           .fallback = "text"},
    Option{.flag = "--output-column",
           .kind = OptionKind::text,
           .value_name = "C",
           .help = "the field or column that their vectors become",
           .fallback = "embedding"},
    Option{
        .flag = "--workers",
        .kind = OptionKind::integer,
        .value_name = "N",
        .help =
            "with --input: copies of the model, each on cores of its own, that share threads and work; 0: one a socket",
        .fallback = "1",
        .min = 0,
        .max = 256}};

// Loads the model and does the job; returns the exit status.
int run_job(const Arguments& arguments, const EmbedOptions& options);

}  // namespace tidemill::cli
