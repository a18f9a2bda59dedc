// kappa replay TOPIC
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/interrupt.h"
#include "client/cli/partition_places.h"
#include "client/cli/progress_bar.h"
#include "client/cli/record_digest.h"
#include "client/cli/record_output.h"
#include "client/cli/time_format.h"
#include "client/cpp/topic_replay.h"

namespace kappa::cli {

namespace {

using client::ReplayPosition;

struct ReplayCommandOptions {
  CommandContext* context = nullptr;
  std::string output = "table";
  std::string topic;
  std::vector<uint32_t> partitions;
  std::string from = "beginning";
  std::string to = "end";
  bool follow = false;
  uint64_t records_max = 0;
  std::optional<std::string> key;
  std::optional<std::string> key_prefix;
  bool digest = false;
};

// "beginning", "end", an offset, or an RFC 3339 time.
absl::StatusOr<ReplayPosition> ParsePosition(const std::string& option,
                                             const std::string& text) {
  if (text == "beginning") return ReplayPosition::Beginning();
  if (text == "end") return ReplayPosition::End();
  uint64_t offset = 0;
  if (absl::SimpleAtoi(text, &offset)) {
    return ReplayPosition::At(Offset(offset));
  }
  const absl::StatusOr<int64_t> time_us = ParseTimeUs(text, "rfc3339");
  if (time_us.ok()) return ReplayPosition::AppendTime(*time_us);
  return UsageError(absl::StrCat(
      option, ": \"", text,
      "\" is neither \"beginning\", \"end\", an offset, a time like "
      "2026-01-31T12:00:00Z",
      option == "--from" ? ", nor offsets of partitions like 0:120,1:98" : ""));
}

// Which partitions, and where each starts if --from says so.
absl::StatusOr<client::TopicReplaySettings> PartitionsOf(
    const ReplayCommandOptions& options) {
  client::TopicReplaySettings settings;
  const absl::Status distinct = CheckDistinct(options.partitions);
  if (!distinct.ok()) {
    return UsageError(absl::StrCat("--partition: ", distinct.message()));
  }
  settings.partitions = options.partitions;
  if (!PartitionPlaces::Looks(options.from)) return settings;
  const absl::StatusOr<PartitionPlaces> places =
      PartitionPlaces::Parse(options.from);
  if (!places.ok()) {
    return UsageError(absl::StrCat("--from: ", places.status().message()));
  }
  if (options.partitions.empty()) settings.partitions = places->partitions;
  for (const uint32_t partition : settings.partitions) {
    const auto found = std::find(places->partitions.begin(),
                                 places->partitions.end(), partition);
    if (found == places->partitions.end()) {
      return UsageError(absl::StrCat("--from: no offset for partition ",
                                     partition, " of --partition"));
    }
    settings.starts.push_back(
        places
            ->offsets[static_cast<size_t>(found - places->partitions.begin())]);
  }
  return settings;
}

absl::StatusOr<client::ReplayOptions> ReplayOptionsOf(
    const ReplayCommandOptions& options) {
  absl::StatusOr<ReplayPosition> from = ReplayPosition::Beginning();
  if (!PartitionPlaces::Looks(options.from)) {
    from = ParsePosition("--from", options.from);
  }
  if (!from.ok()) return from.status();
  absl::StatusOr<ReplayPosition> to = ParsePosition("--to", options.to);
  if (!to.ok()) return to.status();
  if (to->kind == ReplayPosition::Kind::kBeginning) {
    return UsageError("--to: a replay cannot stop at \"beginning\"");
  }
  client::ReplayOptions replay;
  replay.topic = options.topic;
  replay.start = *from;
  replay.stop = options.follow ? ReplayPosition::Never() : *to;
  replay.records_max = options.records_max;
  if (options.key || options.key_prefix) {
    replay.filter.emplace();
    if (options.key) replay.filter->set_key(*options.key);
    if (options.key_prefix) replay.filter->set_key_prefix(*options.key_prefix);
  }
  return replay;
}

void SayHowToGoOn(const client::TopicReplay& replay) {
  const std::vector<Offset> next = replay.next_offsets();
  PartitionPlaces places;
  for (size_t i = 0; i < next.size(); ++i) {
    if (replay.ended(i)) continue;
    places.partitions.push_back(replay.partitions()[i]);
    places.offsets.push_back(next[i]);
  }
  if (places.partitions.empty()) return;
  std::fprintf(stderr,
               "kappa: stopped. To go on: the same command with --from %s\n",
               places.ToString().c_str());
}

absl::Status Run(const ReplayCommandOptions& options) {
  absl::StatusOr<client::ReplayOptions> settings = ReplayOptionsOf(options);
  if (!settings.ok()) return settings.status();
  absl::StatusOr<client::TopicReplaySettings> partitions =
      PartitionsOf(options);
  if (!partitions.ok()) return partitions.status();
  client::TopicReplay* running = nullptr;
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();

  const std::unique_ptr<RecordOutput> output =
      RecordOutput::Create(options.digest ? "none" : options.output, stdout);
  settings->on_event = [&output, &running](const client::ReplayEvent& event) {
    switch (event.kind) {
      case client::ReplayEvent::Kind::kCaughtUp:
      case client::ReplayEvent::Kind::kHeartbeat:
        if (!output->Flush() && running != nullptr) running->Cancel();
        break;
      case client::ReplayEvent::Kind::kGap:
        std::fprintf(
            stderr, "kappa: partition %u: offsets %llu to %llu are gone\n",
            event.partition,
            static_cast<unsigned long long>(event.gap_first.value()),
            static_cast<unsigned long long>(event.gap_next.value()) - 1);
        break;
      case client::ReplayEvent::Kind::kReconnecting:
      case client::ReplayEvent::Kind::kFellBehind:
        break;
    }
  };
  auto replay = client::TopicReplay::Start(*client, *std::move(settings),
                                           *std::move(partitions));
  if (!replay.ok()) return replay.status();
  running = replay->get();
  Interrupt interrupt([&replay] { (*replay)->Cancel(); });
  ProgressBar progress("replay",
                       options.follow ? 0 : (*replay)->records_expected());
  RecordDigest digest;
  uint64_t records = 0;
  absl::Status status =
      (*replay)->ForEach([&](const client::ReplayRecord& record) {
        ++records;
        progress.Update(records, records);
        if (options.digest) digest.Add(record);
        return output->Write(record);
      });
  const bool stopped = absl::IsCancelled(status);
  if (stopped) status = absl::OkStatus();
  if (!output->Flush() && errno != EPIPE) {
    return absl::UnknownError(
        absl::StrCat("standard output: ", std::strerror(errno)));
  }
  if (stopped && interrupt.requested()) SayHowToGoOn(**replay);
  if (options.digest && status.ok() && !stopped) {
    Print(
        absl::StrCat(HexDigest(digest.Finish()), "  ", records, " records\n"));
  }
  return status;
}

}  // namespace

void AddReplayCommand(CLI::App* app, CommandContext* context) {
  const auto options = std::make_shared<ReplayCommandOptions>();
  options->context = context;
  CLI::App* command =
      AddCommand(app, context, "replay", "Read records from any point",
                 [options] { return Run(*options); });
  command->add_option("topic", options->topic, "Name of the topic")->required();
  command
      ->add_option("--partition", options->partitions,
                   "Only these partitions, e.g. 0,1 (default: all)")
      ->delimiter(',');
  command
      ->add_option("--from", options->from,
                   "beginning, end, an offset, a time of append like "
                   "2026-01-31T12:00:00Z, or an offset of each partition like "
                   "0:120,1:98,2-5:0")
      ->capture_default_str();
  CLI::Option* to =
      command
          ->add_option(
              "--to", options->to,
              "end, an offset or a time of append; not included. An offset "
              "beyond the end and a time to come are waited for, a past time "
              "is not")
          ->capture_default_str();
  command
      ->add_flag("-f,--follow", options->follow,
                 "Go on with new records as they come")
      ->excludes(to);
  command->add_option("--records", options->records_max,
                      "At most this many records, 0 for all");
  command->add_option("--key", options->key, "Only records with this key");
  command->add_option("--key-prefix", options->key_prefix,
                      "Only records whose key begins so");
  command->add_flag("--digest", options->digest,
                    "Print only a SHA-256 over (partition, offset, append "
                    "time, event time, key, headers, value) of all records");
  command->add_option("-o,--output", options->output, "Form of the output")
      ->check(CLI::IsMember({"table", "jsonl", "raw", "csv"}))
      ->capture_default_str();
}

}  // namespace kappa::cli
