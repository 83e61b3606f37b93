// Ctrl-C: the first one asks the work to end, the second ends the process.
#pragma once

namespace tidemill::cli {

// From now on SIGINT and SIGTERM set a flag instead of ending the process.
void catch_interrupts();
bool interrupted();

}  // namespace tidemill::cli
