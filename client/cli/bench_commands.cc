// kappa bench append|latency|replay
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/bench/bench.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/interrupt.h"
#include "proto/rpc/polling_threads.h"
#include "proto/wire/codec.h"

namespace kappa::cli {

namespace {

struct BenchCommandOptions {
  CommandContext* context = nullptr;
  const CLI::Option* server_option = nullptr;
  std::string output;
  std::string compression = "none";
  std::string values_file;
  double duration_s = 10;
  double warm_up_s = 1;
  std::optional<double> linger_ms;
  bench::BenchOptions bench;
};

using BenchFunction =
    absl::StatusOr<bench::BenchReport> (*)(const bench::BenchOptions&);

// Reads what values are to be cut from. Errors: see UsageError.
absl::Status ReadValues(const std::string& path, bench::BenchOptions* bench) {
  std::ifstream file(path, std::ios::binary);
  auto values = std::make_shared<std::string>(
      std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  if (values->size() < bench->record_bytes) {
    return UsageError(absl::StrCat("--values: ", path, " has ", values->size(),
                                   " bytes, less than a value"));
  }
  bench->values = std::move(values);
  return absl::OkStatus();
}

absl::Status Run(BenchCommandOptions* options, BenchFunction measure) {
  bench::BenchOptions& bench = options->bench;
  const absl::StatusOr<Codec> codec = ParseCodecName(options->compression);
  if (!codec.ok()) {
    return UsageError(
        absl::StrCat("--compression: ", codec.status().message()));
  }
  bench.compression = *codec;
  if (!options->values_file.empty()) {
    const absl::Status read = ReadValues(options->values_file, &bench);
    if (!read.ok()) return read;
  }
  bench.duration = absl::Seconds(options->duration_s);
  bench.warm_up = absl::Seconds(options->warm_up_s);
  if (options->linger_ms.has_value()) {
    bench.linger = absl::Milliseconds(*options->linger_ms);
  }
  // Only a server that was named, here or by KAPPA_SERVER: measuring one that
  // happens to run is asked for, not assumed.
  if (options->server_option->count() > 0) {
    auto tls = options->context->Tls();
    if (!tls.ok()) return tls.status();
    bench.server.server = options->context->server;
    bench.server.tls = *std::move(tls);
  }
  Interrupt interrupt;
  bench.stop_requested = [&interrupt] { return interrupt.requested(); };
  const PollingThreads polling;
  const absl::StatusOr<bench::BenchReport> report = measure(bench);
  if (!report.ok()) return report.status();
  Print(options->output == "json" ? report->ToJson().dump(2) + "\n"
                                  : report->ToText());
  return absl::OkStatus();
}

void AddLoadOptions(CLI::App* command, BenchCommandOptions* options) {
  bench::BenchOptions& bench = options->bench;
  command->add_option("--record-bytes", bench.record_bytes, "Length of a value")
      ->check(CLI::Range(1, 16 << 20))
      ->capture_default_str();
  command->add_option("--batch-bytes", bench.batch_bytes, "Length of a batch")
      ->check(CLI::Range(1, 16 << 20))
      ->capture_default_str();
  command->add_option("--partitions", bench.partitions, "Partitions written to")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--compression", options->compression, "Codec")
      ->check(CLI::IsMember({"none", "zstd", "lz4"}))
      ->capture_default_str();
  command->add_option("--seed", bench.seed, "Seed of the values")
      ->capture_default_str();
  command
      ->add_option("--values", options->values_file,
                   "Cut values from this file, one after the other (default: "
                   "random bytes)")
      ->check(CLI::ExistingFile);
  command->add_option("--topic", bench.topic, "Topic to make")
      ->capture_default_str();
  command->add_option("--kappad", bench.server.kappad,
                      "Program to start (default: $KAPPAD, or beside kappa)");
  command->add_option(
      "--data-dir", bench.server.data_dir,
      "Empty directory for its data (default: a temporary one)");
  command
      ->add_option("--kappad-argument", bench.server.arguments,
                   "Passed on to kappad; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--server-pid", bench.server.pids,
                   "With --server: a process of it on this machine, whose "
                   "usage is measured; may be repeated")
      ->allow_extra_args(false);
  AddOutputOption(command, &options->output);
}

void AddTimeOptions(CLI::App* command, BenchCommandOptions* options) {
  command->add_option("--duration", options->duration_s, "Seconds measured")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  command->add_option("--warm-up", options->warm_up_s, "Seconds before that")
      ->check(CLI::Range(0.0, 3'600.0))
      ->capture_default_str();
  command
      ->add_option("--linger-ms", options->linger_ms,
                   "Longest wait for more records of a batch (default: 50, "
                   "for latency the SDK's)")
      ->check(CLI::Range(0.0, 10'000.0));
}

}  // namespace

void AddBenchCommands(CLI::App* app, CommandContext* context) {
  CLI::App* bench = app->add_subcommand(
      "bench", "Measure; starts a server of its own unless --server is given");
  bench->require_subcommand(1);
  bench->fallthrough();
  const auto options = std::make_shared<BenchCommandOptions>();
  options->context = context;
  options->server_option = app->get_option("--server");
  const auto add = [&](const char* name, const char* description,
                       BenchFunction measure) {
    CLI::App* command =
        AddCommand(bench, context, name, description,
                   [options, measure] { return Run(options.get(), measure); });
    AddLoadOptions(command, options.get());
    return command;
  };
  bench::BenchOptions& settings = options->bench;

  CLI::App* append =
      add("append", "Append as fast as possible", bench::RunAppendBench);
  AddTimeOptions(append, options.get());
  append->add_option("--producers", settings.producers, "Threads")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  append
      ->add_option("--outstanding-bytes", settings.outstanding_bytes,
                   "Bytes on their way at once")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();

  CLI::App* latency =
      add("latency", "Time single records", bench::RunLatencyBench);
  AddTimeOptions(latency, options.get());
  latency
      ->add_option("--rate", settings.rate,
                   "Records per second, timed from when each should be sent; "
                   "0: one at a time")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str();

  CLI::App* replay =
      add("replay", "Append, then replay", bench::RunReplayBench);
  replay->add_flag("--existing", settings.existing_topic,
                   "Replay the topic that is there, as it is");
  replay->add_option("--bytes", settings.replay_bytes, "Bytes to replay")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  replay->add_option("--producers", settings.producers, "Appending threads")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  replay->add_option("--readers", settings.readers, "Readers at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
}

}  // namespace kappa::cli
