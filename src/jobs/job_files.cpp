#include "jobs/job_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

struct KnownKind {
  std::string_view extension;
  TextKind kind;
  std::string_view output;  // extension
};
constexpr std::array kKnown = {
    KnownKind{".jsonl", TextKind::json_lines, ".jsonl"}, KnownKind{".ndjson", TextKind::json_lines, ".ndjson"},
    KnownKind{".parquet", TextKind::parquet, ".parquet"}, KnownKind{".txt", TextKind::plain_lines, ".npy"}};
constexpr const char* kKindNames = ".jsonl, .ndjson, .parquet and .txt";

std::optional<JobFile> described(const fs::path& path, const fs::path& name, const std::string& output) {
  for (const KnownKind& known : kKnown) {
    if (path.extension() != known.extension) continue;
    fs::path output_name = name;
    output_name.replace_extension(known.output);
    JobFile file{.kind = known.kind,
                 .name = name.string(),
                 .input = path.string(),
                 .output = (fs::path(output) / output_name).string(),
                 .output_name = output_name.string()};
    look_at(file);
    return file;
  }
  return std::nullopt;
}

// Whether `inner` is `outer` or lies below it.
bool is_within(const fs::path& inner, const fs::path& outer) {
  const fs::path one = fs::weakly_canonical(inner);
  const fs::path other = fs::weakly_canonical(outer);
  return std::mismatch(other.begin(), other.end(), one.begin(), one.end()).first == other.end();
}

std::vector<JobFile> files_below(const std::string& input, const std::string& output) {
  std::vector<JobFile> files;
  for (auto entry = fs::recursive_directory_iterator(input); entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) {
      if (entry->is_directory()) entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      if (auto file = described(entry->path(), fs::relative(entry->path(), input), output))
        files.push_back(std::move(*file));
    }
  }
  std::ranges::sort(files, {}, &JobFile::name);
  return files;
}

std::vector<JobFile> find(const std::string& input, const std::string& output) {
  const fs::file_status status = fs::status(input);
  if (!fs::exists(status))
    throw Error(ErrorCode::not_found, input + ": is not there; give a file or a folder of texts");
  if (!fs::is_directory(status)) {
    auto file = described(input, fs::path(input).filename(), output);
    if (!file)
      throw Error(ErrorCode::bad_file, input + ": is no file of texts by its name; files end in " + kKindNames);
    if (is_within(file->output, input))
      throw Error(ErrorCode::invalid_argument, output + ": would replace the input; give another folder");
    return {std::move(*file)};
  }
  if (is_within(output, input))
    throw Error(ErrorCode::invalid_argument, output + ": lies in the input folder; give another folder");
  std::vector<JobFile> files = files_below(input, output);
  if (files.empty())
    throw Error(ErrorCode::bad_file, input + ": has no files of texts; their names end in " + kKindNames);
  return files;
}

}  // namespace

void look_at(JobFile& file) {
  struct stat status{};
  if (::stat(file.input.c_str(), &status) != 0)
    throw Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                file.input + ": cannot be read (" + std::generic_category().message(errno) + "); check the path");
  file.n_bytes = status.st_size;
  file.modified_ns = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

std::vector<JobFile> find_job_files(const std::string& input, const std::string& output) {
  std::vector<JobFile> files;
  try {
    files = find(input, output);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, input + ": cannot be searched (" + error.code().message() + "); check its permissions");
  }
  std::set<std::string> outputs;
  for (const JobFile& file : files)
    if (!outputs.insert(file.output_name).second)
      throw Error(ErrorCode::invalid_argument, file.name + ": another input would have the output " + file.output_name +
                                                   ", too; rename one of them");
  return files;
}

}  // namespace tidemill
