#include "server/metrics.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/maintenance.h"
#include "server/metric_families.h"
#include "server/node.h"

namespace kappa::server {
namespace {

using Family = prometheus::MetricFamily;

double AsDouble(uint64_t value) { return static_cast<double>(value); }

double Load(const RpcStats::Count& count) {
  return AsDouble(count.load(std::memory_order_relaxed));
}

// Sums a field over all shards.
double Sum(const NodeStats& stats, uint64_t ShardStats::*field) {
  uint64_t sum = 0;
  for (const ShardStats& shard : stats.shards) sum += shard.*field;
  return AsDouble(sum);
}

// One sample per shard.
std::vector<MetricSample> PerShard(const NodeStats& stats,
                                   uint64_t ShardStats::*field) {
  std::vector<MetricSample> samples;
  for (const ShardStats& shard : stats.shards) {
    samples.push_back(MetricSample{AsDouble(shard.*field), "shard",
                                   absl::StrCat(samples.size())});
  }
  return samples;
}

// "topic_not_found".
std::string ReasonLabel(int reason) {
  constexpr size_t kPrefixBytes = sizeof("ERROR_REASON_") - 1;
  return absl::AsciiStrToLower(
      v1::ErrorReason_Name(static_cast<v1::ErrorReason>(reason))
          .substr(kPrefixBytes));
}

// One sample per error reason that `count` knows, by number.
template <typename Count>
std::vector<MetricSample> PerReason(Count count) {
  std::vector<MetricSample> samples;
  for (int reason = 1; reason < v1::ErrorReason_ARRAYSIZE; ++reason) {
    if (!v1::ErrorReason_IsValid(reason)) continue;
    samples.push_back(
        MetricSample{count(reason), "reason", ReasonLabel(reason)});
  }
  return samples;
}

void AddAppends(const NodeStats& stats, MetricFamilies* families) {
  families->Counter("kappa_appends_total",
                    "Batches committed; repetitions are not counted.",
                    Sum(stats, &ShardStats::appends));
  families->Counter("kappa_append_records_total", "Records committed.",
                    Sum(stats, &ShardStats::append_records));
  families->Counter("kappa_append_bytes_total", "Payload bytes committed.",
                    Sum(stats, &ShardStats::append_bytes));
  families->Counter("kappa_append_duplicates_total",
                    "Repeated batches answered with their first result.",
                    Sum(stats, &ShardStats::duplicates));
  families->Counters("kappa_append_refusals_total",
                     "Appends that the node or a partition refused, by "
                     "reason. See kappa_rpc_append_refusals_total for those "
                     "that did not get so far.",
                     PerReason([&stats](int reason) {
                       uint64_t sum =
                           stats.refusals[static_cast<size_t>(reason)];
                       for (const ShardStats& shard : stats.shards) {
                         sum += shard.refusals[static_cast<size_t>(reason)];
                       }
                       return AsDouble(sum);
                     }));
  families->Gauge("kappa_append_in_flight_bytes",
                  "Payload bytes accepted and not answered yet.",
                  AsDouble(stats.in_flight_append_bytes));
}

void AddDisk(const DiskStats& disk, MetricFamilies* families) {
  families->Gauge("kappa_disk_level",
                  "0 enough space, 1 low: appends are refused, 2 critical: the "
                  "ballast is released.",
                  AsDouble(disk.level));
  families->Gauge("kappa_disk_low_bytes",
                  "With less free than this appends are refused.",
                  AsDouble(disk.low_bytes));
  families->Gauge("kappa_disk_critical_bytes",
                  "With less free than this the ballast is released.",
                  AsDouble(disk.critical_bytes));
  families->Gauge("kappa_disk_ballast_bytes", "Held by the ballast.",
                  AsDouble(disk.ballast_bytes));
  families->Counter("kappa_disk_refusals_total",
                    "Appends and changes refused for lack of space.",
                    AsDouble(disk.refusals));
}

void AddShards(const NodeStats& stats, MetricFamilies* families) {
  families->Gauges("kappa_shard_queue_events", "Events waiting for a shard.",
                   PerShard(stats, &ShardStats::queued_events));
  families->Counters("kappa_shard_events_total", "Events a shard handled.",
                     PerShard(stats, &ShardStats::events));
  families->Counters("kappa_shard_drains_total",
                     "Times a shard emptied its queue.",
                     PerShard(stats, &ShardStats::drains));
  families->Counters("kappa_shard_helped_drains_total",
                     "Of these, times a thread did it that brought the events.",
                     PerShard(stats, &ShardStats::helped_drains));
  families->Gauges("kappa_shard_partitions", "Partitions a shard owns.",
                   PerShard(stats, &ShardStats::partitions));
  families->Gauge("kappa_uncommitted_entries",
                  "Entries appended and not committed yet.",
                  Sum(stats, &ShardStats::uncommitted_entries));
  families->Gauge("kappa_damaged_partitions",
                  "Partitions stopped because stored bytes are damaged.",
                  Sum(stats, &ShardStats::damaged_partitions));
  families->Counter("kappa_repaired_entries_total",
                    "Damaged entries put back from other nodes.",
                    Sum(stats, &ShardStats::repaired_entries));
  families->Gauge("kappa_tail_waiters", "Readers waiting for new records.",
                  Sum(stats, &ShardStats::waiters));
  families->Gauge("kappa_window_bytes",
                  "Payload bytes of recent entries in memory.",
                  Sum(stats, &ShardStats::window_bytes));
  families->Gauge("kappa_window_entries", "Recent entries in memory.",
                  Sum(stats, &ShardStats::window_entries));
  families->Counter("kappa_window_reads_total", "Reads answered from memory.",
                    Sum(stats, &ShardStats::window_reads));
}

void AddWriter(const storage::LogWriterStats& writer,
               MetricFamilies* families) {
  families->Counter("kappa_log_cycles_total",
                    "Group commits: synced writes of the log.",
                    AsDouble(writer.cycles));
  families->Histogram("kappa_log_sync_seconds",
                      "Time of group commits: log and watermark synced.",
                      writer.commit_us, 1e6);
  families->Histogram("kappa_log_cycle_bytes",
                      "Payload bytes of group commits.", writer.cycle_bytes, 1);
  families->Gauge("kappa_log_last_cycle_bytes",
                  "Payload bytes of the latest group commit.",
                  AsDouble(writer.last_cycle_bytes));
  families->Counter("kappa_log_group_writes_total",
                    "Writes of single groups within group commits.",
                    AsDouble(writer.group_writes));
  families->Gauge("kappa_log_queue_bytes",
                  "Payload bytes waiting for the log writer.",
                  AsDouble(writer.queued_bytes));
}

void AddStore(const storage::StoreCondition& store, MetricFamilies* families) {
  families->Counter("kappa_write_stalls_total",
                    "Times that the store slowed or stopped writes because "
                    "memtables or files had to wait for the disk.",
                    AsDouble(store.write_stalls));
  families->Gauges("kappa_segments", "Segments, by state.",
                   {{AsDouble(store.live_segments), "state", "live"},
                    {AsDouble(store.sealed_segments), "state", "sealed"}});
}

void AddReaders(const ReaderStats& readers, MetricFamilies* families) {
  families->Counters("kappa_reads_total", "Reads of the store, by class.",
                     {{AsDouble(readers.point_reads), "class", "point"},
                      {AsDouble(readers.replay_reads), "class", "replay"}});
  families->Counter("kappa_read_bytes_total",
                    "Payload bytes read from the store.",
                    AsDouble(readers.bytes));
  families->Counter("kappa_read_shared_chunks_total",
                    "Reads answered by a chunk another reader had fetched.",
                    AsDouble(readers.shared_chunks));
  families->Counter("kappa_read_refusals_total",
                    "Reads refused because the queue was full.",
                    AsDouble(readers.refusals));
  families->Gauges("kappa_reader_queue_reads",
                   "Reads waiting for a reader thread, by class.",
                   {{AsDouble(readers.queued_points), "class", "point"},
                    {AsDouble(readers.queued_replays), "class", "replay"}});
  families->Gauge("kappa_reader_active_threads", "Reader threads at work.",
                  AsDouble(readers.active));
  families->Gauge("kappa_reader_chunk_bytes",
                  "Bytes kept for other readers at the same place.",
                  AsDouble(readers.chunk_bytes));
}

void AddPeers(const std::vector<PeerTraffic>& peers, MetricFamilies* families) {
  const auto add = [&](std::string name, std::string help,
                       uint64_t PeerTraffic::*field) {
    MetricFamilies::LabelledSamples samples;
    for (const PeerTraffic& peer : peers) {
      samples.emplace_back(MetricLabels{{"node", absl::StrCat(peer.node)},
                                        {"class", peer.peer_class}},
                           AsDouble(peer.*field));
    }
    families->LabelledCounters(std::move(name), std::move(help), samples);
  };
  add("kappa_peer_sent_frames_total",
      "Messages of the transport sent to another node; beats are empty ones.",
      &PeerTraffic::sent_frames);
  add("kappa_peer_sent_messages_total",
      "Messages of single groups sent to another node.",
      &PeerTraffic::sent_messages);
  add("kappa_peer_sent_bytes_total", "Bytes of those frames.",
      &PeerTraffic::sent_bytes);
  add("kappa_peer_dropped_messages_total",
      "Messages of single groups that were not sent: no room, no connection.",
      &PeerTraffic::dropped_messages);
  add("kappa_peer_received_frames_total",
      "Messages of the transport that came from another node.",
      &PeerTraffic::received_frames);
  add("kappa_peer_received_messages_total",
      "Messages of single groups that came from another node.",
      &PeerTraffic::received_messages);
  add("kappa_peer_received_bytes_total", "Bytes of those frames.",
      &PeerTraffic::received_bytes);
}

// A number of /proc/self/statm, in pages.
uint64_t ResidentPages() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  statm >> size >> resident;
  return resident;
}

std::vector<Family> ScrubFamilies(const v1::ScrubStatus& scrub) {
  MetricFamilies families;
  families.Gauge("kappa_scrub_pass",
                 "Number of the scrub's pass that runs, or of the last one.",
                 AsDouble(scrub.pass()));
  families.Gauge("kappa_scrub_running", "Whether a pass of the scrub runs.",
                 scrub.running() ? 1 : 0);
  families.Gauge("kappa_scrub_entries", "Whole entries read by that pass.",
                 AsDouble(scrub.entries()));
  families.Gauge("kappa_scrub_bytes", "Payload bytes read by that pass.",
                 AsDouble(scrub.payload_bytes()));
  families.Gauge("kappa_scrub_damaged_entries",
                 "Entries that pass found damaged.",
                 AsDouble(scrub.damaged_entries()));
  families.Gauge("kappa_scrub_last_pass_end_seconds",
                 "When the last whole pass ended, seconds since 1970; 0 for "
                 "never.",
                 static_cast<double>(scrub.end_time_us()) / 1e6);
  return families.Take();
}

void Append(std::vector<Family> more, std::vector<Family>* all) {
  for (Family& family : more) all->push_back(std::move(family));
}

}  // namespace

std::vector<Family> NodeFamilies(const NodeStats& stats) {
  MetricFamilies families;
  AddAppends(stats, &families);
  AddShards(stats, &families);
  AddWriter(stats.writer, &families);
  AddStore(stats.store, &families);
  AddReaders(stats.readers, &families);
  AddDisk(stats.disk, &families);
  AddPeers(stats.peers, &families);
  families.Gauge("kappa_topics", "Topics.", AsDouble(stats.topics));
  families.Gauge("kappa_partitions", "Partitions.", AsDouble(stats.partitions));
  families.Gauge("kappa_named_producers", "Named producers.",
                 AsDouble(stats.named_producers));
  families.Gauge("kappa_metadata_applied_index",
                 "Last applied entry of the metadata group.",
                 AsDouble(stats.metadata_applied_index));
  families.Gauge("kappa_position_last_entries",
                 "Sum over all partitions of the last index.",
                 AsDouble(stats.positions.last));
  families.Gauge("kappa_position_committed_entries",
                 "Sum over all partitions of the committed index.",
                 AsDouble(stats.positions.committed));
  families.Gauge("kappa_position_end_records",
                 "Sum over all partitions of the committed end offset.",
                 AsDouble(stats.positions.end_offset));
  return families.Take();
}

std::vector<Family> PartitionFamilies(
    const std::vector<PartitionStats>& partitions, uint64_t all) {
  MetricFamilies::LabelledSamples last;
  MetricFamilies::LabelledSamples first;
  MetricFamilies::LabelledSamples end;
  for (const PartitionStats& partition : partitions) {
    const MetricLabels labels = {
        {"topic", partition.topic},
        {"partition", absl::StrCat(partition.partition)}};
    last.emplace_back(labels, AsDouble(partition.last_index));
    first.emplace_back(labels, AsDouble(partition.first_offset));
    end.emplace_back(labels, AsDouble(partition.end_offset));
  }
  MetricFamilies families;
  families.LabelledGauges("kappa_partition_last_index",
                          "Index of the last durable entry.", last);
  families.LabelledGauges("kappa_partition_first_offset",
                          "First offset that is kept.", first);
  families.LabelledGauges("kappa_partition_end_offset",
                          "Offset after the last durable record.", end);
  families.Gauge("kappa_partitions_not_shown",
                 "Partitions beyond the bound of this page.",
                 AsDouble(all - std::min<uint64_t>(all, partitions.size())));
  return families.Take();
}

std::vector<Family> RpcFamilies(const RpcStats& stats) {
  MetricFamilies families;
  families.Counter("kappa_rpc_append_requests_total",
                   "Append requests received, unary and streamed.",
                   Load(stats.append_requests));
  families.Counter("kappa_rpc_delivered_batches_total",
                   "Batches delivered to readers.",
                   Load(stats.delivered_batches));
  families.Counter("kappa_rpc_delivered_records_total",
                   "Records delivered to readers.",
                   Load(stats.delivered_records));
  families.Counter("kappa_rpc_delivered_bytes_total",
                   "Payload bytes delivered to readers.",
                   Load(stats.delivered_bytes));
  families.Counter("kappa_rpc_replay_pauses_total",
                   "Chunks of replays that waited so that appends need not.",
                   Load(stats.replay_pauses));
  families.Gauge("kappa_rpc_replay_pace_bytes_per_second",
                 "How fast all replays may go together beside appends, as of "
                 "the last chunk; 0: as fast as they can.",
                 Load(stats.replay_bytes_per_s));
  families.Counter("kappa_rpc_heartbeats_total",
                   "Heartbeats sent on idle replays.", Load(stats.heartbeats));
  families.Counters("kappa_rpc_errors_total",
                    "Calls and streamed batches answered with an error, by "
                    "reason.",
                    PerReason([&stats](int reason) {
                      return Load(stats.errors[static_cast<size_t>(reason)]);
                    }));
  families.Counters(
      "kappa_rpc_append_refusals_total",
      "Appends refused before they reached the node, by reason.",
      PerReason([&stats](int reason) {
        return Load(stats.append_refusals[static_cast<size_t>(reason)]);
      }));
  families.Gauge("kappa_rpc_append_streams", "Open append streams.",
                 static_cast<double>(stats.append_streams.load()));
  families.Gauge("kappa_rpc_replays", "Open replays.",
                 static_cast<double>(stats.replays.load()));
  return families.Take();
}

std::vector<Family> ProcessFamilies(const std::string& data_dir) {
  MetricFamilies families;
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  families.Gauge("process_resident_memory_bytes", "Resident memory.",
                 AsDouble(ResidentPages() * page_bytes));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  families.Counter(
      "process_cpu_seconds_total", "Processor time, user and system.",
      static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
          static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
              1e6);
  struct statvfs space {};
  if (statvfs(data_dir.c_str(), &space) == 0) {
    families.Gauge("kappa_disk_size_bytes",
                   "Size of the file system of the data directory.",
                   AsDouble(uint64_t{space.f_blocks} * space.f_frsize));
    families.Gauge("kappa_disk_free_bytes",
                   "Space that is free for this process there.",
                   AsDouble(uint64_t{space.f_bavail} * space.f_frsize));
  }
  return families.Take();
}

std::vector<Family> PartitionMetrics::Collect() const {
  return PartitionFamilies(node_->Partitions(kPartitionsMax),
                           node_->Stats().partitions);
}

NodeMetrics::NodeMetrics(const Node* node, const RpcStats* rpc,
                         std::string data_dir, std::string version)
    : node_(node),
      rpc_(rpc),
      data_dir_(std::move(data_dir)),
      version_(std::move(version)) {}

std::vector<Family> NodeMetrics::Collect() const {
  MetricFamilies build;
  build.Gauges("kappa_build_info", "Always 1; the label tells the version.",
               {{1, "version", version_}});
  std::vector<Family> all = build.Take();
  Append(NodeFamilies(node_->Stats()), &all);
  Append(RpcFamilies(*rpc_), &all);
  if (const auto* maintenance = dynamic_cast<const Maintenance*>(node_)) {
    Append(ScrubFamilies(maintenance->GetScrubStatus()), &all);
  }
  Append(ProcessFamilies(data_dir_), &all);
  return all;
}

}  // namespace kappa::server
