// The job: one thread reads and writes, devices embed, and a short queue between them keeps the order.
#include "tidemill/embed_job.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <deque>
#include <filesystem>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "jobs/job_files.h"
#include "jobs/job_manifest.h"
#include "jobs/text_file.h"
#include "sys/atomic_file.h"
#include "tidemill/error.h"
#include "tidemill/stopwatch.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;
using Vectors = std::vector<std::vector<float>>;

constexpr std::string_view kProbeText = "The tide mill stood at the edge of the village.";

// An engine on its threads.  While one text block is computed, another is made into tokens.
class EmbedderDevice : public Device {
 public:
  EmbedderDevice(Embedder embedder, std::string name) : embedder_(std::move(embedder)), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  int slots() const override { return 2; }
  const Embedder& embedder() const { return embedder_; }

 private:
  Embedder embedder_;
  std::string name_;
};

Vectors embed(Device& device, const TextBlock& block, const EmbedOptions& options) {
  const std::vector<std::string_view> texts(block.texts.begin(), block.texts.end());
  return static_cast<EmbedderDevice&>(device).embedder().embed(texts, options);
}

std::vector<std::unique_ptr<Device>> devices_of(std::span<const Embedder> embedders) {
  std::vector<std::unique_ptr<Device>> devices;
  for (const Embedder& embedder : embedders)
    devices.push_back(std::make_unique<EmbedderDevice>(embedder, "cpu:" + std::to_string(devices.size())));
  return devices;
}

JobSettings settings_of(const Embedder& embedder, const EmbedJobOptions& options) {
  const EmbedOptions& embed = options.embed;
  JobSettings settings{.values = {{"column", options.column},
                                  {"output_column", options.output_column},
                                  {"prompt_name", embed.prompt_name},
                                  {"dimensions", std::to_string(embed.dimensions)},
                                  {"long_text", std::to_string(static_cast<int>(embed.long_text))},
                                  {"overlap", std::to_string(embed.overlap)}}};
  settings.probe = embedder.embed({&kProbeText, 1}, embed).front();
  return settings;
}

// Whether a file is a temporary one, ".tidemill-PID-N.tmp", of a process that is no more.
bool is_left_over(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!is_temporary_name(name)) return false;
  int process = 0;
  std::from_chars(name.data() + name.find('-') + 1, name.data() + name.size(), process);
  return process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
}

void make_folders(const std::vector<JobFile>& files) {
  for (const JobFile& file : files) {
    const fs::path folder = fs::path(file.output).parent_path();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
      throw Error(ErrorCode::io, folder.string() + ": cannot be made (" + error.message() + "); check the path");
  }
}

void remove_left_overs(const std::vector<JobFile>& files) {
  std::set<fs::path> folders;
  for (const JobFile& file : files) folders.insert(fs::path(file.output).parent_path());
  for (const fs::path& folder : folders) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (is_left_over(entry.path())) fs::remove(entry.path(), ignored);
  }
}

class EmbedJob {
 public:
  EmbedJob(std::span<const Embedder> embedders, const EmbedJobOptions& options)
      : options_(options),
        columns_{options.column, options.output_column, embedders[0].dimensions()},
        pool_(devices_of(embedders)) {
    if (options.embed.dimensions > 0) columns_.dimensions = options.embed.dimensions;
    most_waiting_ = 2 * 2 * embedders.size();
  }

  EmbedJobReport run(const std::vector<JobFile>& files, JobManifest& manifest) {
    std::vector<const JobFile*> left;
    for (const JobFile& file : files) {
      if (!manifest.is_done(file)) left.push_back(&file);
      n_all_bytes_ += file.n_bytes;
      if (manifest.is_done(file)) n_done_bytes_ += file.n_bytes;
    }
    report_.n_skipped = static_cast<int64_t>(files.size() - left.size());
    tell("");
    for (const JobFile* file : left) read(*file, manifest);
    while (!waiting_.empty()) finish_first(manifest);
    report_.seconds = clock_.seconds();
    report_.devices = pool_.statistics();
    return report_;
  }

 private:
  struct Open {
    const JobFile* file;
    std::unique_ptr<TextFile> texts;
    int64_t n_texts = 0;
  };
  // A block on its way, or, without one, the end of a file.
  struct Waiting {
    std::shared_ptr<Open> open;
    std::shared_ptr<const TextBlock> block;
    std::future<Vectors> vectors;
  };

  void read(const JobFile& file, JobManifest& manifest) {
    auto open = std::make_shared<Open>(Open{.file = &file, .texts = open_text_file(file, columns_)});
    while (true) {
      auto block = std::make_shared<const TextBlock>(open->texts->read());
      if (block->has_text.empty()) break;
      while (waiting_.size() >= most_waiting_) finish_first(manifest);
      auto vectors = pool_.run(
          [block, embed_options = options_.embed](Device& device) { return embed(device, *block, embed_options); });
      waiting_.push_back({open, block, std::move(vectors)});
    }
    waiting_.push_back({std::move(open), nullptr, {}});
  }

  void finish_first(JobManifest& manifest) {
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    Open& open = *first.open;
    if (first.block) {
      open.texts->write(*first.block, first.vectors.get());
      open.n_texts += std::ssize(first.block->texts);
      report_.n_texts += std::ssize(first.block->texts);
      n_done_bytes_ += first.block->n_bytes;
    } else {
      manifest.add(*open.file, open.texts->commit(), open.n_texts);
      ++report_.n_files;
    }
    tell(open.file->name);
  }

  void tell(const std::string& file) const {
    if (!options_.on_progress) return;
    const double share = n_all_bytes_ == 0 ? 1 : static_cast<double>(n_done_bytes_) / static_cast<double>(n_all_bytes_);
    if (!options_.on_progress({std::min(share, 1.0), report_.n_texts, clock_.seconds(), file}))
      throw Error(ErrorCode::cancelled, "embed: interrupted; start it again to go on");
  }

  const EmbedJobOptions& options_;
  TextColumns columns_;
  Stopwatch clock_;
  EmbedJobReport report_;
  int64_t n_all_bytes_ = 0;
  int64_t n_done_bytes_ = 0;
  size_t most_waiting_ = 0;
  std::deque<Waiting> waiting_;
  DevicePool pool_;  // the last one, so that it ends first
};

}  // namespace

EmbedJobReport run_embed_job(std::span<const Embedder> embedders, const EmbedJobOptions& options) {
  if (embedders.empty()) throw Error(ErrorCode::invalid_argument, "embed: there is no embedder; give at least one");
  const std::vector<JobFile> files = find_job_files(options.input, options.output);
  const JobSettings settings = settings_of(embedders[0], options);
  make_folders(files);
  JobManifest manifest(options.output, settings);
  remove_left_overs(files);
  return EmbedJob(embedders, options).run(files, manifest);
}

}  // namespace tidemill
