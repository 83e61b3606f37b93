// A folder that others see either not at all or whole, also after a crash or a power cut.
#pragma once

#include <string>

namespace tidemill {

// Files are made in a hidden folder beside the one that is asked for, which takes its name at the end.
class NewFolder {
 public:
  // Throws invalid_argument where `name` is there already and is no empty folder, not_found where the folder above it
  // is missing, io where the system refuses.
  explicit NewFolder(const std::string& name);
  // Without a commit removes what was written.
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  // Where file `name` is to be written; makes the folders in `name`.
  std::string file(const std::string& name) const;
  // Gives the folder its name; its files must be durable already (sys/atomic_file.h).  Throws io.  Nothing may follow.
  void commit();

 private:
  std::string target_, path_;
};

}  // namespace tidemill
