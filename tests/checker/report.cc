#include "tests/checker/report.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "tests/checker/anomaly.h"
#include "tests/checker/event.h"
#include "tests/checker/event_json.h"
#include "tests/checker/summary.h"

namespace kappa::checker {
namespace {

using Json = nlohmann::ordered_json;

constexpr OperationKind kKinds[] = {
    OperationKind::kAppend,    OperationKind::kConditionalAppend,
    OperationKind::kRead,      OperationKind::kReplay,
    OperationKind::kEndOffset, OperationKind::kOpenProducer};

uint64_t Total(const Findings& findings) {
  uint64_t total = 0;
  for (size_t i = 0; i < kAnomalyKinds; ++i) {
    total += findings.Count(static_cast<AnomalyKind>(i));
  }
  return total;
}

std::string SummaryText(const History& history, const Findings& findings) {
  const Summary summary(history);
  std::string text = absl::StrCat(history.operations(), " operations on ",
                                  history.partitions.size(), " partitions:\n");
  for (const OperationKind kind : kKinds) {
    absl::StrAppend(&text, "  ", NameOf(kind), ": ",
                    summary.Count(kind, Outcome::kOk), " ok, ",
                    summary.Count(kind, Outcome::kFailed), " failed, ",
                    summary.Count(kind, Outcome::kUnknown), " unknown\n");
  }
  absl::StrAppend(&text, "  acknowledged: ", summary.acknowledged_batches,
                  " batches, ", summary.acknowledged_records,
                  " records; of unknown outcome: ", summary.unknown_stored,
                  " stored, ", summary.unknown_absent, " not\n");
  absl::StrAppend(&text, "  delivered: ", summary.delivered_records,
                  " records; final reads: ", summary.final_reads, " with ",
                  summary.final_records, " records\n");
  absl::StrAppend(&text, "  lag of committed ends: at most ",
                  findings.lag_us_max(), " us\n");
  return text;
}

Json SummaryJson(const History& history, const Findings& findings) {
  const Summary summary(history);
  Json operations = Json::object();
  for (const OperationKind kind : kKinds) {
    operations[NameOf(kind)] = {
        {"ok", summary.Count(kind, Outcome::kOk)},
        {"failed", summary.Count(kind, Outcome::kFailed)},
        {"unknown", summary.Count(kind, Outcome::kUnknown)}};
  }
  return {{"operations", operations},
          {"partitions", history.partitions.size()},
          {"acknowledged_batches", summary.acknowledged_batches},
          {"acknowledged_records", summary.acknowledged_records},
          {"unknown_stored", summary.unknown_stored},
          {"unknown_absent", summary.unknown_absent},
          {"delivered_records", summary.delivered_records},
          {"final_reads", summary.final_reads},
          {"final_records", summary.final_records},
          {"committed_lag_us_max", findings.lag_us_max()}};
}

}  // namespace

std::string TextReport(const History& history, const Findings& findings) {
  std::string text = SummaryText(history, findings);
  for (size_t i = 0; i < kAnomalyKinds; ++i) {
    const AnomalyKind kind = static_cast<AnomalyKind>(i);
    if (findings.Count(kind) == 0) continue;
    absl::StrAppend(&text, NameOf(kind), ": ", findings.Count(kind), "\n");
    uint64_t shown = 0;
    for (const Anomaly& anomaly : findings.kept()) {
      if (anomaly.kind != kind) continue;
      ++shown;
      absl::StrAppend(&text, "  ", anomaly.partition,
                      anomaly.partition.empty() ? "" : ": ", anomaly.text,
                      "\n    lines ", absl::StrJoin(anomaly.lines, ", "), "\n");
    }
    if (shown < findings.Count(kind)) {
      absl::StrAppend(&text, "  and ", findings.Count(kind) - shown, " more\n");
    }
  }
  absl::StrAppend(&text, Total(findings), " anomalies\n");
  return text;
}

std::string JsonReport(const History& history, const Findings& findings) {
  Json counts = Json::object();
  for (size_t i = 0; i < kAnomalyKinds; ++i) {
    const AnomalyKind kind = static_cast<AnomalyKind>(i);
    if (findings.Count(kind) == 0) continue;
    counts[NameOf(kind)] = findings.Count(kind);
  }
  Json anomalies = Json::array();
  for (const Anomaly& anomaly : findings.kept()) {
    anomalies.push_back({{"name", NameOf(anomaly.kind)},
                         {"partition", anomaly.partition},
                         {"text", anomaly.text},
                         {"lines", anomaly.lines},
                         {"offsets", anomaly.offsets},
                         {"values", anomaly.values}});
  }
  const Json report = {{"summary", SummaryJson(history, findings)},
                       {"anomalies_total", Total(findings)},
                       {"counts", counts},
                       {"anomalies", anomalies}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kappa::checker
