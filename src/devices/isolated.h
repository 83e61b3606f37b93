// A function run in a child process: what it does to itself stays there.
#pragma once

#include <functional>
#include <string>

namespace tidemill {

struct IsolatedResult {
  bool is_complete = false;
  std::string output = {};   // what the function returned, at most 64 KiB
  std::string problem = {};  // why it is not complete: "crashed (signal 11)", "did not answer within 10 s"
};

// Runs `work` in a child process whose standard streams lead nowhere, and which is killed after `timeout_s` seconds.
// `work` may take memory and load libraries, but no lock that another thread of this process may hold.  Throws io when
// the system gives no process.
IsolatedResult run_isolated(const std::function<std::string()>& work, double timeout_s);

}  // namespace tidemill
