// The files beside a model's weights, wherever they are kept: tokenizer, chat template, configurations.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tmill.h"
#include "sys/mapped_file.h"

namespace tidemill {

class CompanionFiles {
 public:
  virtual ~CompanionFiles() = default;

  // Sorted; those of a folder without what lies in folders below it and in a second one.
  virtual std::vector<std::string> names() const = 0;
  virtual bool contains(const std::string& name) const = 0;
  // The content, valid as long as this object.  Throws what MappedFile throws.
  virtual std::string_view text(const std::string& name) const = 0;
  // For messages: one file's path, and where all of them are.
  virtual std::string path(const std::string& name) const = 0;
  virtual const std::string& place() const = 0;
};

// Those of them that a model needs beside its weights and config.json: of vocabularies the ones that would be read.
std::vector<std::string> kept_files(const CompanionFiles& files);

// The files of a folder; those that it lacks are taken from a second one, if there is one.  Not thread-safe.
class FolderFiles final : public CompanionFiles {
 public:
  explicit FolderFiles(std::string folder, std::string second = {})
      : folder_(std::move(folder)), second_(std::move(second)) {}

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override;
  std::string_view text(const std::string& name) const override;
  std::string path(const std::string& name) const override;
  const std::string& place() const override { return folder_; }

 private:
  std::string folder_, second_;
  mutable std::map<std::string, MappedFile> mapped_;  // those that were asked for
};

// The files that a .tmill carries, config.json among them; `file` outlives this.
class PackedFiles final : public CompanionFiles {
 public:
  explicit PackedFiles(const TmillFile& file) : file_(file) {}

  std::vector<std::string> names() const override { return file_.file_names(); }
  bool contains(const std::string& name) const override;
  std::string_view text(const std::string& name) const override;
  std::string path(const std::string& name) const override { return file_.path() + ": " + name; }
  const std::string& place() const override { return file_.path(); }

 private:
  const TmillFile& file_;
};

}  // namespace tidemill
