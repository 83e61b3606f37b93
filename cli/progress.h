// A progress bar on stderr; silent when stderr is not a terminal.
#pragma once

#include <string>

namespace tidemill::cli {

class Progress {
 public:
  // `what` stands before the bar: "loading gemma3-270m".
  explicit Progress(std::string what);
  ~Progress();  // wipes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // A share in [0, 1]; redraws at most once per percent.
  void update(double share);

 private:
  std::string what_;
  bool shown_;
  int percent_ = -1;
};

}  // namespace tidemill::cli
