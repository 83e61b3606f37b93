#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace tidemill::cli {

Progress::Progress(std::string what) : what_(std::move(what)), shown_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_ && percent_ >= 0) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(double share) {
  const int percent = static_cast<int>(std::clamp(share, 0.0, 1.0) * 100);
  if (!shown_ || percent == percent_) return;
  percent_ = percent;
  constexpr int kWidth = 30;
  const int n_full = percent * kWidth / 100;
  const std::string bar =
      std::string(static_cast<size_t>(n_full), '#') + std::string(static_cast<size_t>(kWidth - n_full), '.');
  std::fprintf(stderr, "\r%s [%s] %3d%%", what_.c_str(), bar.c_str(), percent);
  std::fflush(stderr);
}

}  // namespace tidemill::cli
