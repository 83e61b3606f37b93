// Which files a job reads and writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemill {

enum class TextKind : uint8_t { json_lines, parquet, plain_lines };

struct JobFile {
  TextKind kind = TextKind::plain_lines;
  std::string name = {};         // relative to the input folder; of a single file its own
  std::string input = {};        // path
  std::string output = {};       // path
  std::string output_name = {};  // relative to the output folder
  int64_t n_bytes = 0;           // of the input
  int64_t modified_ns = 0;
};

// The file, or all files of a known kind below the folder, by name; hidden ones and what is behind links to folders are
// left out.  Throws not_found, io, bad_file for a single file of another kind and for a folder without any, and
// invalid_argument where the output would be among the inputs.
std::vector<JobFile> find_job_files(const std::string& input, const std::string& output);

// Size and time of change of a file; throws not_found and io.
void look_at(JobFile& file);

}  // namespace tidemill
