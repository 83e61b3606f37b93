// What a job has done, in a file of the output folder that only ever grows, a line a file:
//   {"format":"tidemill-embed","version":1,"settings":{...},"probe":[...]}
//   {"input":"a.jsonl","bytes":123,"modified_ns":...,"output":"a.jsonl","output_bytes":4567,"texts":89}
// A line is written, and on the disk, once the file that it tells of is.  A last line without an end was being written
// when the process died; it is cut off.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "jobs/job_files.h"

namespace tidemill {

inline constexpr const char* kManifestName = "_tidemill_embed.jsonl";

// What has to be the same for files to lie in one folder.
struct JobSettings {
  std::map<std::string, std::string> values = {};  // options by name
  std::vector<float> probe =
      {};  // the vector of a fixed text: models and precisions differ in it, whatever files they are in
};

class JobManifest {
 public:
  // Opens or makes the manifest of `folder`, which is there.  Throws invalid_argument when it is of another model or
  // other options, io when another process is at work in the folder, and bad_file for a file that is no manifest.
  JobManifest(const std::string& folder, const JobSettings& settings);
  ~JobManifest();
  JobManifest(const JobManifest&) = delete;
  JobManifest& operator=(const JobManifest&) = delete;

  // Whether the file has been done as it is now and its output is there.
  bool is_done(const JobFile& file) const;
  // Records a file whose output is on the disk.  Throws io.
  void add(const JobFile& file, int64_t output_bytes, int64_t n_texts);

 private:
  struct Done {
    int64_t n_bytes = 0;
    int64_t modified_ns = 0;
    std::string output = {};
    int64_t output_bytes = 0;
  };

  void open();
  void read(const JobSettings& settings);
  void read_line(const std::string& line, int64_t number, const JobSettings& settings);
  void compare(const std::string& line, const JobSettings& settings) const;
  void append(const std::string& line);
  [[noreturn]] void fail(const std::string& step) const;

  std::string path_;
  int fd_ = -1;
  std::map<std::string, Done> done_;  // by input
};

}  // namespace tidemill
