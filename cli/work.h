// Long work on the terminal: a bar that grows, and Ctrl-C.
#pragma once

#include <string>

#include "cli/interrupt.h"
#include "cli/progress.h"

namespace tidemill::cli {

// What `work(on_progress)` returns; `on_progress(share)` moves a bar named `what` and is false once Ctrl-C asked for
// the end.  The bar is gone when this returns.
template <typename Work>
auto with_progress(const std::string& what, Work work) {
  catch_interrupts();
  Progress progress(what);
  return work([&progress](double share) {
    progress.update(share);
    return !interrupted();
  });
}

}  // namespace tidemill::cli
