// RunInChild: does something in a process of its own.
#ifndef KAPPA_TESTS_SIMULATION_CHILD_RUN_H_
#define KAPPA_TESTS_SIMULATION_CHILD_RUN_H_

#include <functional>
#include <string>

namespace kappa::simulation {

struct ChildResult {
  std::string bytes;  // what was returned
  bool died = false;  // the process ended by itself
  std::string how;    // then: how, and what it printed
};

// Calls `work` in a child process and returns what that returns, so that work
// that aborts, by a CHECK of the code under test or by a sanitizer, is a result
// like any other. One that takes ten minutes has died.
// Requires: the calling process has one thread.
ChildResult RunInChild(const std::function<std::string()>& work);

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_CHILD_RUN_H_
