#include "compress/delta/model_files.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 1 << 16;
constexpr size_t kMaxNameBytes = 1024;
constexpr int kMaxDepth = 16;  // of folders in folders; links may go round

void add_folder(const fs::path& folder, const std::string& prefix, int depth, std::vector<ModelFiles::File>& files) {
  if (depth > kMaxDepth)
    throw Error(ErrorCode::bad_file,
                folder.string() + ": folders nested deeper than " + std::to_string(kMaxDepth) + "; do links go round?");
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const std::string path = prefix + name;
    if (entry.is_directory()) {
      if (name != ".git" && name != ".cache") add_folder(entry.path(), path + "/", depth + 1, files);
      continue;
    }
    if (!entry.is_regular_file()) continue;
    if (!is_safe_name(path) || files.size() == kMaxFiles)
      throw Error(ErrorCode::bad_file,
                  folder.string() + ": " + quoted(std::string_view(path)) +
                      " has a name that a delta cannot hold, or is one file too many; take it out");
    files.push_back({path, entry.file_size() == 0 ? std::nullopt : std::optional<MappedFile>(entry.path().string())});
  }
}

}  // namespace

const ModelFiles::File* ModelFiles::find(std::string_view name) const {
  const auto found =
      std::ranges::lower_bound(files, name, {}, [](const File& file) { return std::string_view(file.name); });
  return found == files.end() || found->name != name ? nullptr : &*found;
}

uint64_t ModelFiles::n_bytes() const {
  uint64_t sum = 0;
  for (const File& file : files) sum += file.bytes().size();
  return sum;
}

bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  const auto is_bad = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\' || c == ':'; };
  if (std::ranges::any_of(name, is_bad)) return false;
  while (true) {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

ModelFiles open_model_files(const std::string& path) {
  ModelFiles model{.path = path, .is_folder = false, .files = {}};
  std::error_code ignored;
  model.is_folder = fs::is_directory(path, ignored);
  if (!model.is_folder) {
    model.files.push_back({fs::path(path).filename().string(), MappedFile(path)});
    return model;
  }
  try {
    add_folder(path, "", 0, model.files);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, path + ": cannot be listed (" + error.code().message() + "); check its permissions");
  }
  if (model.files.empty()) throw Error(ErrorCode::not_found, path + ": an empty folder; give that of a model");
  std::ranges::sort(model.files, {}, &ModelFiles::File::name);
  return model;
}

}  // namespace tidemill
