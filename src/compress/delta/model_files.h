// The files of a model on disk: one file, or all that a folder holds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sys/mapped_file.h"

namespace tidemill {

struct ModelFiles {
  struct File {
    std::string name;                // below the folder, with '/' between folders
    std::optional<MappedFile> file;  // nothing for a file of 0 bytes, which cannot be mapped

    std::span<const std::byte> bytes() const { return file ? file->bytes() : std::span<const std::byte>(); }
  };

  std::string path;         // as it was given
  bool is_folder = false;   // or the one file at `path`
  std::vector<File> files;  // sorted by name

  // Nothing when there is none.
  const File* find(std::string_view name) const;
  uint64_t n_bytes() const;
};

// Whether `name`, which a file claims, is that of a file below a folder: no way out of it, nothing hidden in it.
bool is_safe_name(std::string_view name);

// Maps the model at `path`.  Of a folder all regular files count, those that links lead to as well (Hugging Face's own
// cache is made of them), but none below .git and .cache, and no empty folders.  Throws not_found, bad_file for names
// that a delta could not hold, and what MappedFile throws.
ModelFiles open_model_files(const std::string& path);

}  // namespace tidemill
