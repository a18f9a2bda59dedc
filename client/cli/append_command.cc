// kappa append TOPIC [FILE]
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/interrupt.h"
#include "client/cli/interruptible_input.h"
#include "client/cli/progress_bar.h"
#include "client/cli/record_input.h"
#include "client/cpp/producer.h"
#include "nlohmann/json.hpp"
#include "proto/wire/codec.h"
#include "proto/wire/record_set.h"

namespace kappa::cli {

namespace {

using Json = nlohmann::ordered_json;

struct AppendOptions {
  CommandContext* context = nullptr;
  std::string output;
  std::string topic;
  std::string file = "-";
  RecordInputOptions input;
  std::optional<uint32_t> partition;
  std::string key;
  bool has_key = false;
  std::string compression = "none";
  std::string producer;
  uint64_t batch_bytes = 128 * 1024;
  double linger_ms = 1;
  uint64_t skip = 0;
};

// What was stored, counted on the threads of the SDK.
struct Stored {
  std::atomic<uint64_t> records = 0;
  std::atomic<uint64_t> batches = 0;
  std::atomic<uint64_t> bytes = 0;
  std::atomic<bool> failed = false;
};

absl::StatusOr<client::ProducerOptions> ProducerOptionsOf(
    const AppendOptions& options, Stored* stored) {
  const absl::StatusOr<Codec> codec = ParseCodecName(options.compression);
  if (!codec.ok()) {
    return UsageError(
        absl::StrCat("--compression: ", codec.status().message()));
  }
  client::ProducerOptions producer;
  producer.topic = options.topic;
  producer.name = options.producer;
  producer.compression = *codec;
  producer.batch_bytes = options.batch_bytes;
  producer.linger = absl::Milliseconds(options.linger_ms);
  producer.on_batch = [stored](const client::BatchOutcome& outcome) {
    if (!outcome.result.ok()) {
      stored->failed = true;
      return;
    }
    stored->records += outcome.record_count;
    stored->bytes += outcome.bytes;
    ++stored->batches;
  };
  return producer;
}

// For messages.
std::string InputName(const AppendOptions& options) {
  return options.file == "-" ? "standard input" : options.file;
}

// Length of a regular file, 0 for anything else.
uint64_t FileBytes(const std::string& path) {
  struct stat info = {};
  if (path == "-" || stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return 0;
  }
  return static_cast<uint64_t>(info.st_size);
}

void PrintSummary(const AppendOptions& options, const Stored& stored,
                  absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  const auto rate = [seconds](double n) {
    return seconds > 0 ? n / seconds : 0;
  };
  const auto records = static_cast<double>(stored.records);
  const auto bytes = static_cast<double>(stored.bytes);
  if (options.output == "json") {
    Print(Json{{"topic", options.topic},
               {"records", stored.records.load()},
               {"batches", stored.batches.load()},
               {"bytes", stored.bytes.load()},
               {"seconds", seconds},
               {"records_per_s", rate(records)},
               {"mb_per_s", rate(bytes / 1e6)}}
              .dump(2) +
          "\n");
    return;
  }
  char line[256];
  std::snprintf(line, sizeof(line),
                "Appended %llu %s (%.1f MB) to %s in %.2f s: %.0f "
                "records/s, %.1f MB/s\n",
                static_cast<unsigned long long>(stored.records.load()),
                stored.records == 1 ? "record" : "records", bytes / 1e6,
                options.topic.c_str(), seconds, rate(records),
                rate(bytes / 1e6));
  Print(line);
}

// Feeds the producer until the input ends, a batch fails or the user stops.
absl::Status Feed(const AppendOptions& options, RecordInput* input,
                  client::Producer* producer, const Interrupt& interrupt,
                  const Stored& stored, uint64_t* fed) {
  ProgressBar progress("append", FileBytes(options.file));
  RecordView record;
  while (!interrupt.requested() && !stored.failed && input->Next(&record)) {
    if (++*fed <= options.skip) continue;
    if (options.has_key) record.key = options.key;
    const absl::Status status = producer->Append(record, options.partition);
    if (!status.ok()) {
      --*fed;
      return absl::Status(status.code(), absl::StrCat("line ", input->line(),
                                                      ": ", status.message()));
    }
    progress.Update(static_cast<uint64_t>(input->bytes()), *fed);
  }
  return input->status();
}

// Says what a stop waits for when the server's answers do not come at once.
void TellOfWait(client::Producer* producer, const AppendOptions& options,
                const Stored& stored, uint64_t fed) {
  if (!absl::IsDeadlineExceeded(producer->Flush(absl::Seconds(1)))) return;
  const uint64_t sent = fed - std::min(fed, options.skip);
  std::fprintf(stderr,
               "kappa: stopping; no answer yet for %llu of %llu records. "
               "Ctrl-C once more ends without waiting; whether they are stored "
               "is unknown then\n",
               static_cast<unsigned long long>(sent - stored.records.load()),
               static_cast<unsigned long long>(sent));
}

absl::Status RunOn(const AppendOptions& options, int fd) {
  Interrupt interrupt;
  InterruptibleInput bytes(fd, &interrupt);
  std::istream in(&bytes);
  absl::StatusOr<std::unique_ptr<RecordInput>> input =
      RecordInput::Open(&in, options.input);
  if (bytes.error_number() != 0) {
    return UsageError(absl::StrCat(InputName(options), ": ",
                                   std::strerror(bytes.error_number())));
  }
  if (!input.ok()) {
    return UsageError(
        absl::StrCat(InputName(options), ": ", input.status().message()));
  }
  Stored stored;
  absl::StatusOr<client::ProducerOptions> settings =
      ProducerOptionsOf(options, &stored);
  if (!settings.ok()) return settings.status();
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  auto producer = client::Producer::Create(*client, *std::move(settings));
  if (!producer.ok()) return producer.status();
  const absl::Time begin = absl::Now();
  uint64_t fed = 0;
  absl::Status read =
      Feed(options, input->get(), producer->get(), interrupt, stored, &fed);
  if (interrupt.requested()) TellOfWait(producer->get(), options, stored, fed);
  const absl::Status closed = (*producer)->Close();
  PrintSummary(options, stored, absl::Now() - begin);
  if (!closed.ok()) return closed;
  if (bytes.error_number() != 0) {
    read = absl::InvalidArgumentError(std::strerror(bytes.error_number()));
  }
  if (!read.ok()) {
    return UsageError(absl::StrCat(InputName(options), ": ", read.message(),
                                   "; what stood before it is stored, go on "
                                   "with --skip ",
                                   fed));
  }
  if (interrupt.requested()) {
    std::fprintf(stderr,
                 "kappa: stopped; everything read is stored. To go on: the "
                 "same command with --skip %llu\n",
                 static_cast<unsigned long long>(fed));
  }
  return absl::OkStatus();
}

absl::Status Run(const AppendOptions& options) {
  if (options.file == "-") return RunOn(options, STDIN_FILENO);
  const int fd = open(options.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return UsageError(
        absl::StrCat("cannot read ", options.file, ": ", std::strerror(errno)));
  }
  const absl::Status status = RunOn(options, fd);
  close(fd);
  return status;
}

void AddInputOptions(CLI::App* command, RecordInputOptions* input) {
  command->add_option("--format", input->format, "Form of the input")
      ->check(CLI::IsMember({"lines", "jsonl", "csv"}))
      ->capture_default_str();
  CLI::Option* const key_field =
      command->add_option("--key-field", input->key_field,
                          "JSON member or CSV column that becomes the key; a "
                          "JSON line without it ends the input with an error");
  command
      ->add_flag("--allow-missing-key", input->key_may_be_missing,
                 "Store JSON lines without the key field as records without "
                 "a key")
      ->needs(key_field);
  command->add_option("--time-field", input->time_field,
                      "JSON member or CSV column that becomes the event time; "
                      "a record without it has none");
  command
      ->add_option("--time-format", input->time_format,
                   "How that time is written: rfc3339, unix, unix_ms, unix_us, "
                   "or like '%Y/%m/%d %H:%M:%S' (UTC; %S takes fractions)")
      ->capture_default_str();
}

}  // namespace

void AddAppendCommand(CLI::App* app, CommandContext* context) {
  const auto options = std::make_shared<AppendOptions>();
  options->context = context;
  CLI::App* command =
      AddCommand(app, context, "append", "Append records to a topic",
                 [options] { return Run(*options); });
  command->add_option("topic", options->topic, "Name of the topic")->required();
  command
      ->add_option("file", options->file, "File to read; - is standard input")
      ->capture_default_str();
  AddInputOptions(command, &options->input);
  command->add_option_function<std::string>(
      "--key",
      [options](const std::string& key) {
        options->key = key;
        options->has_key = true;
      },
      "Key of every record");
  command->add_option(
      "--partition", options->partition,
      "Partition of every record (default: by key, or in turn)");
  command->add_option("--compression", options->compression, "Codec")
      ->check(CLI::IsMember({"none", "zstd", "lz4"}))
      ->capture_default_str();
  command->add_option("--producer", options->producer,
                      "Name of the producer: fences its older instances");
  command
      ->add_option("--batch-bytes", options->batch_bytes,
                   "Send a batch at this size")
      ->check(CLI::Range(uint64_t{1}, uint64_t{kBatchBytesMax}))
      ->capture_default_str();
  command
      ->add_option("--linger-ms", options->linger_ms,
                   "Send a batch after this time at the latest")
      ->check(CLI::Range(0.0, 60'000.0))
      ->capture_default_str();
  command->add_option("--skip", options->skip,
                      "Leave out this many records at the start of the input");
  AddOutputOption(command, &options->output);
}

}  // namespace kappa::cli
