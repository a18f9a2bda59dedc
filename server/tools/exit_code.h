// How kappad ends; README.md lists the codes for its users.
#ifndef KAPPA_SERVER_TOOLS_EXIT_CODE_H_
#define KAPPA_SERVER_TOOLS_EXIT_CODE_H_

namespace kappa::server {

enum ExitCode : int {
  kDone = 0,
  kCannotRun = 1,  // address or directory in use, newer format, no space
  kWrongUsage = 2,
  kDamaged = 3,  // of the tools: damage was found, kappad starts all the same
  kForgot = 4,   // the directory lost something it promised
  kWriteFailed = 5,
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_EXIT_CODE_H_
