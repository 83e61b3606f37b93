// A batch of embeddings: folders of texts in, folders of vectors out, in pieces that survive the end of the process.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tidemill/device_pool.h"
#include "tidemill/embedder.h"

namespace tidemill {

struct EmbedJobProgress {
  double share = 0;     // of the bytes of input, in [0, 1]
  int64_t n_texts = 0;  // embedded by this call
  double seconds = 0;
  std::string file = {};  // that was written to last
};

struct EmbedJobOptions {
  std::string input = {};                   // a file, or a folder that is searched with what is below it
  std::string output = {};                  // a folder; made where it is not there
  std::string column = "text";              // of JSONL and Parquet: the texts
  std::string output_column = "embedding";  // of JSONL and Parquet: the vectors
  EmbedOptions embed = {};
  // Called on the caller's thread, first before anything is read; false ends the work with Error(cancelled).
  std::function<bool(const EmbedJobProgress& progress)> on_progress = {};
};

struct EmbedJobReport {
  int64_t n_files = 0;    // written by this call
  int64_t n_skipped = 0;  // done by an earlier one
  int64_t n_texts = 0;
  double seconds = 0;
  std::vector<DeviceStatistics> devices = {};
};

// Embeds the texts of every input file and writes a file of its name and place to the output folder:
//   NAME.jsonl, NAME.ndjson  the same lines, each object with its vector; null for a text that is null
//   NAME.parquet             the same file with one column more, of lists of float32
//   NAME.txt                 NAME.npy: float32 [lines, dimensions], a vector for each line
// Each appears when it is whole, on the disk, and then stands in the folder's manifest (docs/embeddings.md); a second
// call skips what stands there unchanged, so that a job which was killed at any moment goes on where it was.  Memory
// does not grow with the files.
//
// `embedders` hold one model, on groups of cores of their own or so: they share the work.  Throws invalid_argument for
// a folder that holds vectors of another model or other options, not_found, bad_file naming file and line, io, and
// cancelled; files that are finished stay.
EmbedJobReport run_embed_job(std::span<const Embedder> embedders, const EmbedJobOptions& options);

}  // namespace tidemill
