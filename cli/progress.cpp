#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace tidemill::cli {

Progress::Progress(std::string what) : what_(std::move(what)), shown_(isatty(STDERR_FILENO) == 1) {}

void Progress::clear() {
  if (shown_ && percent_ >= 0) std::fputs("\r\x1b[K", stderr);
  percent_ = -1;
}

void Progress::update(double share) {
  const int percent = static_cast<int>(std::clamp(share, 0.0, 1.0) * 100);
  if (!shown_ || percent == percent_) return;
  percent_ = percent;
  draw("");
}

void Progress::update(double share, const std::string& note) {
  constexpr double kInterval = 0.2;
  const double now = clock_.seconds();
  if (!shown_ || (last_drawn_s_ >= 0 && now < last_drawn_s_ + kInterval)) return;
  last_drawn_s_ = now;
  percent_ = static_cast<int>(std::clamp(share, 0.0, 1.0) * 100);
  draw(note);
}

void Progress::draw(const std::string& note) {
  constexpr int kWidth = 30;
  const int n_full = percent_ * kWidth / 100;
  const std::string bar =
      std::string(static_cast<size_t>(n_full), '#') + std::string(static_cast<size_t>(kWidth - n_full), '.');
  std::fprintf(stderr, "\r%s [%s] %3d%% %s\x1b[K", what_.c_str(), bar.c_str(), percent_, note.c_str());
  std::fflush(stderr);
}

}  // namespace tidemill::cli
