// checker: says what is wrong with a history.
//
//   checker HISTORY.jsonl [-o text|json] [--progress-seconds S] [--shown N]
//
// Exit code 0: no anomaly; 1: anomalies, printed with their evidence; 2: wrong
// usage, or the history cannot be used: the message names the line.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "tests/checker/check.h"
#include "tests/checker/findings.h"
#include "tests/checker/history.h"
#include "tests/checker/history_reader.h"
#include "tests/checker/report.h"

namespace kappa::checker {
namespace {

constexpr int kClean = 0;
constexpr int kAnomalies = 1;
constexpr int kUnusable = 2;

int Run(const std::string& path, bool json, const CheckOptions& options) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "checker: cannot open %s\n", path.c_str());
    return kUnusable;
  }
  const absl::StatusOr<History> history = ReadHistory(file);
  if (!history.ok()) {
    std::fprintf(stderr, "checker: %s: %s\n", path.c_str(),
                 std::string(history.status().message()).c_str());
    return kUnusable;
  }
  const Findings findings = CheckHistory(*history, options);
  const std::string report =
      json ? JsonReport(*history, findings) : TextReport(*history, findings);
  std::fputs(report.c_str(), stdout);
  if (std::fflush(stdout) != 0) return kUnusable;
  return findings.empty() ? kClean : kAnomalies;
}

int Main(int argc, char** argv) {
  CLI::App app("Says what is wrong with a history (tests/checker/README.md).");
  std::string path;
  std::string output = "text";
  int64_t progress_seconds = 30;
  CheckOptions options;
  app.add_option("history", path, "The history, one event a line")->required();
  app.add_option("-o,--output", output, "How to print")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--progress-seconds", progress_seconds,
                 "Within which appends must succeed after a heal event")
      ->check(CLI::Range(1, 86'400));
  app.add_option("--shown", options.kept_max,
                 "How many anomalies of each kind to print")
      ->check(CLI::Range(1, 1'000'000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kClean : kUnusable;
  }
  options.progress_us = progress_seconds * 1'000'000;
  return Run(path, output == "json", options);
}

}  // namespace
}  // namespace kappa::checker

int main(int argc, char** argv) { return kappa::checker::Main(argc, argv); }
