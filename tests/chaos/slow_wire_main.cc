// slow_wire: carries frames between interfaces until its standard input ends.
//
//   slow_wire CLIENTS NODE... [--delay-ms MIN,MAX] [--reordered SHARE]
//       [--duplicated SHARE] [--seed S]
//
// Exit codes: 0, 1 an interface cannot be opened, 2 wrong usage.
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "tests/chaos/slow_wire.h"

namespace kappa::chaos {
namespace {

int Main(int argc, char** argv) {
  CLI::App app("A switch in user space, with faults.");
  std::vector<std::string> interfaces;
  std::pair<double, double> delay_ms;
  WireFaults faults;
  uint64_t seed = 0;
  app.add_option("interfaces", interfaces)->required();
  app.add_option("--delay-ms", delay_ms)->delimiter(',');
  app.add_option("--reordered", faults.reordered)->check(CLI::Range(0.0, 1.0));
  app.add_option("--duplicated", faults.duplicated)
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", seed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  faults.delay_us_min = static_cast<int64_t>(delay_ms.first * 1000);
  faults.delay_us_max = static_cast<int64_t>(delay_ms.second * 1000);
  SlowWire wire(interfaces, faults, seed);
  std::puts("ready");
  std::fflush(stdout);
  wire.Run();
  return 0;
}

}  // namespace
}  // namespace kappa::chaos

int main(int argc, char** argv) { return kappa::chaos::Main(argc, argv); }
