// A progress bar on stderr; silent when stderr is not a terminal.
#pragma once

#include <string>

#include "tidemill/stopwatch.h"

namespace tidemill::cli {

class Progress {
 public:
  // `what` stands before the bar: "loading gemma3-270m".
  explicit Progress(std::string what);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // A share in [0, 1]; redraws at most once per percent.
  void update(double share);
  // The same with a note behind the bar, "1,234 texts/s, 2 min left"; redraws at most five times a second.
  void update(double share, const std::string& note);
  // Wipes the line.
  void clear();

 private:
  void draw(const std::string& note);

  std::string what_;
  bool shown_;
  int percent_ = -1;
  double last_drawn_s_ = -1;
  Stopwatch clock_;
};

}  // namespace tidemill::cli
