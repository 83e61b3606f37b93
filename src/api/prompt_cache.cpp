// PromptCache: which file serves a prompt, and which ones stay.
#include "tidemill/prompt_cache.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "api/engine_impl.h"
#include "api/state_file.h"
#include "ops/paged_rows.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".tidemill-state";
constexpr size_t kMostFiles = 256;  // that are looked into for one prompt, lately used ones first

struct File {
  fs::path path;
  fs::file_time_type used;
  uintmax_t size;
};

// The states in a folder that begin with `beginning`, lately used ones first.  Links are left alone.
std::vector<File> files_in(const std::string& folder, const std::string& beginning) {
  std::vector<File> files;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    const std::string name = entry->path().filename().string();
    std::error_code gone;  // another process may remove it meanwhile
    if (!name.ends_with(kEnding) || !name.starts_with(beginning)) continue;
    if (entry->symlink_status(gone).type() != fs::file_type::regular) continue;
    const File file{entry->path(), entry->last_write_time(gone), entry->file_size(gone)};
    if (!gone) files.push_back(file);
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.used > b.used; });
  return files;
}

}  // namespace

PromptCache::PromptCache(const Engine& engine, PromptCacheOptions options)
    : engine_(engine), options_(std::move(options)) {
  engine_.impl()->require_states();
  if (options_.path.empty())
    throw Error(ErrorCode::invalid_argument, "prompt cache: has no name; give a file or folder");
  if (options_.max_bytes < 1)
    throw Error(ErrorCode::invalid_argument, "prompt cache: a limit of " + std::to_string(options_.max_bytes) +
                                                 " bytes holds nothing; give at least 1");
  std::error_code problem;
  is_folder_ = options_.path.ends_with('/') || fs::is_directory(options_.path, problem);
}

void PromptCache::note(const std::string& text) const {
  if (options_.on_note) options_.on_note(text);
}

// By the model, what its keys are kept in, and the ids, so that whoever looks for one finds all that may serve.
std::string PromptCache::name_in_folder(std::span<const int32_t> ids) const {
  const Engine::Impl& engine = *engine_.impl();
  const std::string kind = fingerprint_of(engine_) + "-" + std::string(info(engine.states->dtype()).name) + "-";
  return ids.empty() ? kind : kind + fingerprint_of(ids) + std::string(kEnding);
}

int64_t PromptCache::load(Session& session, std::span<const int32_t> prompt) {
  n_loaded_ = 0;
  if (prompt.size() < 2) return 0;
  const Engine::Impl& engine = *engine_.impl();
  std::vector<std::string> paths;
  if (is_folder_)
    for (const File& file : files_in(options_.path, name_in_folder({}))) paths.push_back(file.path.string());
  else if (std::error_code problem; fs::exists(options_.path, problem) && fs::file_size(options_.path, problem) != 0)
    paths.push_back(options_.path);
  paths.resize(std::min(paths.size(), kMostFiles));

  const std::string* best = nullptr;
  for (const std::string& path : paths) {
    try {
      const std::vector<int32_t> ids = read_state_ids(path, fingerprint_of(engine_), engine_.vocab_size());
      const auto differs = std::mismatch(ids.begin(), ids.end(), prompt.begin(), prompt.end() - 1);
      const int64_t n = differs.first - ids.begin();
      if (n < std::ssize(ids) && engine.states->is_recurrent()) continue;  // such a state cannot go back
      if (n > n_loaded_) n_loaded_ = n, best = &path;
    } catch (const Error& error) {
      note(error.what());
    }
  }
  if (best == nullptr) return 0;
  try {
    session.restore(*best);
    std::error_code problem;  // of the time only: then another file may go before this one
    fs::last_write_time(*best, fs::file_time_type::clock::now(), problem);
  } catch (const Error& error) {
    n_loaded_ = 0;
    note(error.what());
  }
  return n_loaded_;
}

void PromptCache::store(Session& session, std::span<const int32_t> prompt) {
  const int64_t n = std::min(session.size(), std::ssize(prompt) - 1);
  if (n <= n_loaded_) return;
  try {
    session.truncate(n);
    save(session, prompt.first(static_cast<size_t>(n)));
  } catch (const Error& error) {
    note(error.what());
  }
}

void PromptCache::save(const Session& session, std::span<const int32_t> ids) {
  if (!is_folder_) {
    std::error_code problem;
    const bool is_new = !fs::exists(options_.path, problem) || fs::file_size(options_.path, problem) == 0;
    if (!is_new && !is_state_file(options_.path))
      return note(options_.path + ": is left as it is, for it is no saved state; name another file");
    return session.save(options_.path);
  }
  const StatePool& states = *engine_.impl()->states;
  const StateSpec& spec = states.spec();
  const auto bytes_of = [&](int64_t n, PageKind kind) { return n * spec.page_bytes(kind, states.dtype()) / kPageRows; };
  const int64_t n = std::ssize(ids), n_recent = std::min(n, spec.n_recent());
  const int64_t n_bytes = bytes_of(n, PageKind::whole) + bytes_of(n_recent, PageKind::recent) + spec.slot_bytes();
  if (n_bytes > options_.max_bytes)
    return note(options_.path + ": a prompt of " + std::to_string(n_bytes) + " bytes is above the limit of " +
                std::to_string(options_.max_bytes) + "; it is not kept");
  std::error_code problem;
  fs::create_directories(options_.path, problem);  // what fails shows when the file is written
  session.save((fs::path(options_.path) / name_in_folder(ids)).string());
  make_room();
}

void PromptCache::make_room() const {
  uintmax_t total = 0;
  for (const File& file : files_in(options_.path, "")) {
    total += file.size;
    std::error_code gone;
    if (total > static_cast<uintmax_t>(options_.max_bytes)) fs::remove(file.path, gone);
  }
}

}  // namespace tidemill
