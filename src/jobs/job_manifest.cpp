#include "jobs/job_manifest.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "jobs/line_reader.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

// Vectors of one model and precision differ by less on any machine and number of threads.
constexpr float kProbeTolerance = 1e-3f;

bool is_near(const json& found, std::span<const float> probe) {
  if (!found.is_array() || found.size() != probe.size()) return false;
  float greatest = 0;
  for (const float value : probe) greatest = std::max(greatest, std::abs(value));
  for (size_t i = 0; i < probe.size(); ++i)
    if (!found[i].is_number() || !(std::abs(found[i].get<float>() - probe[i]) <= kProbeTolerance * greatest))
      return false;
  return true;
}

}  // namespace

JobManifest::JobManifest(const std::string& folder, const JobSettings& settings) : path_(folder + "/" + kManifestName) {
  open();
  try {
    read(settings);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

JobManifest::~JobManifest() {
  ::close(fd_);  // and with it the lock goes
}

void JobManifest::fail(const std::string& step) const {
  throw Error(ErrorCode::io, path_ + ": " + step + " failed (" + std::generic_category().message(errno) +
                                 "); check the folder, its permissions and the disk");
}

void JobManifest::open() {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd_ < 0) fail("opening");
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const bool is_taken = errno == EWOULDBLOCK;
  ::close(fd_);
  if (!is_taken) fail("locking");
  throw Error(ErrorCode::io,
              path_ + ": another process is at work in this folder; wait for it, or give another folder");
}

void JobManifest::read(const JobSettings& settings) {
  LineReader lines(path_);
  std::string_view line;
  int64_t n_whole = 0;  // bytes up to the end of the last whole line
  const auto n_bytes = static_cast<int64_t>(std::filesystem::file_size(path_));
  while (lines.next(line)) {
    char last = 0;
    if (lines.n_read() == n_bytes && (::pread(fd_, &last, 1, n_bytes - 1) != 1 || last != '\n')) break;
    read_line(std::string(line), lines.line_number(), settings);
    n_whole = lines.n_read();
  }
  if (n_whole < n_bytes && ::ftruncate(fd_, n_whole) != 0) fail("cutting off half a line");
  if (n_whole > 0) return;
  append(json{{"format", "tidemill-embed"}, {"version", 1}, {"settings", settings.values}, {"probe", settings.probe}}
             .dump());
}

void JobManifest::read_line(const std::string& line, int64_t number, const JobSettings& settings) {
  if (number == 1) return compare(line, settings);
  const json entry = json::parse(line, nullptr, false);
  try {
    done_[entry.at("input").get<std::string>()] = {.n_bytes = entry.at("bytes").get<int64_t>(),
                                                   .modified_ns = entry.at("modified_ns").get<int64_t>(),
                                                   .output = entry.at("output").get<std::string>(),
                                                   .output_bytes = entry.at("output_bytes").get<int64_t>()};
  } catch (const json::exception&) {
    throw Error(ErrorCode::bad_file, path_ + ", line " + std::to_string(number) +
                                         ": is no line of a manifest; remove the file to begin anew");
  }
}

void JobManifest::compare(const std::string& line, const JobSettings& settings) const {
  const json head = json::parse(line, nullptr, false);
  if (!head.is_object() || head.value("format", json()) != "tidemill-embed" || head.value("version", json()) != 1)
    throw Error(ErrorCode::bad_file, path_ + ": is no manifest of this version; give another folder");
  const json found = head.value("settings", json::object());
  for (const auto& [name, value] : settings.values) {
    const json before = found.is_object() ? found.value(name, json()) : json();
    if (before != value)
      throw Error(ErrorCode::invalid_argument, path_ + ": the vectors of this folder were made with " + name + " " +
                                                   before.dump(-1, ' ', false, json::error_handler_t::replace) +
                                                   ", not " + json(value).dump() + "; give another folder");
  }
  if (!is_near(head.value("probe", json()), settings.probe))
    throw Error(ErrorCode::invalid_argument,
                path_ + ": the vectors of this folder are of another model; give another folder");
}

bool JobManifest::is_done(const JobFile& file) const {
  const auto found = done_.find(file.name);
  if (found == done_.end()) return false;
  const Done& done = found->second;
  std::error_code missing;
  const auto output_bytes = std::filesystem::file_size(file.output, missing);
  return !missing && done.output == file.output_name && static_cast<int64_t>(output_bytes) == done.output_bytes &&
         done.n_bytes == file.n_bytes && done.modified_ns == file.modified_ns;
}

void JobManifest::add(const JobFile& file, int64_t output_bytes, int64_t n_texts) {
  append(json{{"input", file.name},
              {"bytes", file.n_bytes},
              {"modified_ns", file.modified_ns},
              {"output", file.output_name},
              {"output_bytes", output_bytes},
              {"texts", n_texts}}
             .dump(-1, ' ', false, json::error_handler_t::replace));
}

void JobManifest::append(const std::string& line) {
  std::string_view rest = line;
  const std::string whole = line + "\n";
  rest = whole;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno != EINTR) fail("writing");
    if (n > 0) rest.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(fd_) != 0) fail("flushing");
}

}  // namespace tidemill
