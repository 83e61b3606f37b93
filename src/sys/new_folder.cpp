#include "sys/new_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxNames = 1000;  // to try; others are left over from processes that were killed

// A hint: some file systems cannot flush folders, and the files in them are durable already.
void flush_folder(const fs::path& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

}  // namespace

NewFolder::NewFolder(const std::string& name) {
  fs::path target = fs::path(name).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  target_ = target.string();
  std::error_code error;
  const fs::file_status found = fs::status(target, error);
  if (found.type() == fs::file_type::none) throw Error(ErrorCode::io, target_ + ": " + error.message());
  if (fs::exists(found) && !(fs::is_directory(found) && fs::is_empty(target, error)))
    throw Error(ErrorCode::invalid_argument, target_ + ": is there already; give another name or empty it");
  error.clear();
  fs::path path;
  bool is_made = false;
  for (int attempt = 0; attempt < kMaxNames && !is_made && !error; ++attempt) {
    path = target.parent_path() / (".tidemill-" + std::to_string(::getpid()) + "-" + std::to_string(attempt) + ".tmp");
    is_made = fs::create_directory(path, error);
  }
  if (!is_made)
    throw Error(error == std::errc::no_such_file_or_directory ? ErrorCode::not_found : ErrorCode::io,
                target_ + ": making a folder failed (" + error.message() + "); make the folder above it first");
  path_ = path.string();
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

std::string NewFolder::file(const std::string& name) const {
  const fs::path path = fs::path(path_) / name;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    throw Error(ErrorCode::io, target_ + ": making a folder failed (" + error.message() +
                                   "); free space on the disk or write elsewhere");
  return path.string();
}

void NewFolder::commit() {
  flush_folder(path_);
  std::error_code error;
  fs::rename(path_, target_, error);
  if (error)
    throw Error(ErrorCode::io, target_ + ": giving the folder its name failed (" + error.message() +
                                   "); check the folder above it and its permissions");
  path_.clear();
  const fs::path above = fs::path(target_).parent_path();
  flush_folder(above.empty() ? fs::path(".") : above);
}

}  // namespace tidemill
