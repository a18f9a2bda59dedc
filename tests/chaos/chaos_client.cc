// chaos_client: one client of a chaos run (README.md).
//
//   chaos_client ROLE --nodes HOST:PORT,... --topic T --partitions N
//       --history FILE --process P [--rate R] [--seed S]
//
// Works until its standard input ends, then finishes what is under way. Writes
// rows to standard output (recorder.h). The role `final` ends by itself.
// Exit codes: 0 the history is whole, 1 it is not, 2 wrong usage.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/chaos/conditional_appender.h"
#include "tests/chaos/end_asker.h"
#include "tests/chaos/final_reader.h"
#include "tests/chaos/poller.h"
#include "tests/chaos/recorder.h"
#include "tests/chaos/replayer.h"
#include "tests/chaos/role.h"
#include "tests/chaos/sdk_appender.h"
#include "tests/chaos/stop_signal.h"
#include "tests/chaos/stub_appender.h"

namespace kappa::chaos {
namespace {

constexpr absl::Duration kFinalPatience = absl::Seconds(30);
constexpr uint64_t kOperationsMax = 1'000'000'000;  // of a process
// How often gRPC looks at connections that no blocking call waits for. Calls
// to a node that is away fail at once, so else nobody would see for 5 s that it
// is back.
constexpr const char* kPollName = "GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS";
constexpr const char* kPollMs = "50";

using Roles = std::vector<std::unique_ptr<Role>>;

// The threads of a process, with numbers of their own in the history.
Roles MakeRoles(const std::string& role, const RoleOptions& options,
                Recorder& recorder, StopSignal& stop) {
  Roles roles;
  const auto next = [&] {
    RoleOptions own = options;
    own.process += roles.size();
    return own;
  };
  const std::string name = "producer-" + std::to_string(options.process);
  if (role == "producer") {
    roles.push_back(
        std::make_unique<SdkAppender>(next(), name, recorder, stop));
  } else if (role == "session") {
    roles.push_back(std::make_unique<SdkAppender>(next(), "", recorder, stop));
  } else if (role == "stub") {
    for (const char* suffix : {"-a", "-b"}) {
      roles.push_back(std::make_unique<StubAppender>(next(), name + suffix,
                                                     recorder, stop));
    }
  } else if (role == "conditional") {
    for (int i = 0; i < 2; ++i) {
      roles.push_back(
          std::make_unique<ConditionalAppender>(next(), recorder, stop));
    }
  } else if (role == "reader") {
    roles.push_back(std::make_unique<Poller>(next(), recorder, stop));
    roles.push_back(std::make_unique<EndAsker>(next(), recorder, stop));
    for (uint32_t p = 0; p < options.partitions; ++p) {
      roles.push_back(std::make_unique<Replayer>(next(), p, recorder, stop));
    }
  }
  return roles;
}

void WaitForEndOfInput() {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

void RunRoles(const Roles& roles, StopSignal& stop) {
  std::vector<std::thread> threads;
  for (const std::unique_ptr<Role>& role : roles) {
    threads.emplace_back([&role] { role->Run(); });
  }
  WaitForEndOfInput();
  stop.Set();
  for (std::thread& thread : threads) thread.join();
}

int Run(const std::string& role, const std::string& history,
        const RoleOptions& options) {
  absl::StatusOr<std::unique_ptr<Recorder>> recorder =
      Recorder::Create(history, options.process * kOperationsMax);
  absl::Status status = recorder.status();
  if (status.ok() && role == "final") {
    status = FinalReader(options, **recorder).Run(kFinalPatience);
  } else if (status.ok()) {
    StopSignal stop;
    const Roles roles = MakeRoles(role, options, **recorder, stop);
    RunRoles(roles, stop);
  }
  if (status.ok()) status = (*recorder)->Close();
  if (status.ok()) return 0;
  std::fprintf(stderr, "chaos_client %s: %s\n", role.c_str(),
               status.ToString().c_str());
  return 1;
}

int Main(int argc, char** argv) {
  setenv(kPollName, kPollMs, 0);
  CLI::App app("One client of a chaos run.");
  std::string role;
  std::string history;
  RoleOptions options;
  app.add_option("role", role)
      ->required()
      ->check(CLI::IsMember(
          {"producer", "session", "stub", "conditional", "reader", "final"}));
  app.add_option("--nodes", options.nodes)->required()->delimiter(',');
  app.add_option("--topic", options.topic)->required();
  app.add_option("--partitions", options.partitions)
      ->required()
      ->check(CLI::Range(2, 1000));
  app.add_option("--history", history)->required();
  app.add_option("--process", options.process)->required();
  app.add_option("--rate", options.rate)->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return Run(role, history, options);
}

}  // namespace
}  // namespace kappa::chaos

int main(int argc, char** argv) { return kappa::chaos::Main(argc, argv); }
