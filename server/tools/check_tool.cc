#include "server/tools/check_tool.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "server/identity.h"
#include "server/tools/progress_line.h"
#include "server/tools/standard_output.h"
#include "storage/directory_check.h"
#include "storage/directory_view.h"
#include "storage/set_aside.h"

namespace kappa::server {
namespace {

using storage::CheckReport;
using storage::Finding;
using storage::Severity;
using Json = nlohmann::ordered_json;

constexpr char kForgotFile[] = "FORGOT";

bool HasForgotten(const CheckReport& report) {
  return std::any_of(
      report.findings.begin(), report.findings.end(),
      [](const Finding& finding) { return finding.where == kForgotFile; });
}

std::string CycleText(const std::optional<uint64_t>& cycle) {
  return cycle.has_value() ? absl::StrCat("cycle ", *cycle) : "unreadable";
}

std::string WhereOf(const Finding& finding, const PartitionNames& names) {
  if (!finding.range.has_value()) return finding.where;
  return absl::StrCat(finding.where, " ", names.NameOf(finding.range->group));
}

const char* VerdictOf(const CheckReport& report) {
  const std::optional<Severity> worst = report.worst();
  if (!worst.has_value()) return "intact";
  switch (*worst) {
    case Severity::kHarmless:
      return "damaged, without any effect on answers";
    case Severity::kData:
      return "damaged: entries are lost, their partitions answer DATA_LOSS";
    default:
      return "kappad refuses to start";
  }
}

std::string NextStep(const std::string& directory, const CheckReport& report) {
  const std::optional<Severity> worst = report.worst();
  if (!worst.has_value() || *worst == Severity::kHarmless) return "";
  if (HasForgotten(report)) {
    return "next: start kappad: it sets the directory aside, and the other "
           "nodes rebuild it\n";
  }
  return absl::StrCat(
      "next: put back what is missing, or, to give up what cannot be kept:\n"
      "  kappad recover ",
      directory, " --accept-loss\n");
}

// The identity file is the server's own.
void CheckIdentity(const std::string& directory, CheckReport* report) {
  const auto identity = ReadIdentity(directory);
  if (identity.ok() && identity->has_value()) return;
  report->findings.push_back({Severity::kRefusal, "identity",
                              identity.ok()
                                  ? "it is missing"
                                  : std::string(identity.status().message()),
                              std::nullopt});
}

// Others remember more of it than it holds: see server/README.md.
void CheckForgotten(const std::string& directory, CheckReport* report) {
  const auto reason = storage::ReasonForgotten(directory);
  if (reason.ok() && !reason->has_value()) return;
  report->findings.push_back(
      {Severity::kRefusal, std::string(kForgotFile),
       reason.ok() ? **reason : std::string(reason.status().message()),
       std::nullopt});
}

Json ToJson(const Finding& finding, const PartitionNames& names) {
  Json json;
  json["severity"] = NameOf(finding.severity);
  json["where"] = finding.where;
  json["what"] = finding.what;
  if (!finding.range.has_value()) return json;
  json["replica"] = finding.range->replica.value();
  json["group"] = finding.range->group.value();
  json["partition"] = names.NameOf(finding.range->group);
  json["first_index"] = finding.range->first.value();
  json["last_index"] = finding.range->last.value();
  if (finding.range->first_offset.has_value()) {
    json["first_offset"] = finding.range->first_offset->value();
  }
  if (finding.range->next_offset.has_value()) {
    json["next_offset"] = finding.range->next_offset->value();
  }
  return json;
}

const char* EndText(const CheckReport& report) {
  if (report.last_cycle_copied) {
    return "; the last cycle stands in the watermark, a start puts it into the "
           "log";
  }
  return report.torn_tail
             ? "; the log ends in a write that was never acknowledged"
             : "";
}

}  // namespace

ExitCode ExitCodeOf(const CheckReport& report) {
  const std::optional<Severity> worst = report.worst();
  if (!worst.has_value()) return kDone;
  return *worst == Severity::kRefusal ? kForgot : kDamaged;
}

std::string CheckReportTable(const std::string& directory,
                             const CheckReport& report,
                             const PartitionNames& names) {
  std::string text = absl::StrFormat(
      "%s: %d files (%d MiB), %d replicas, %d entries (%d MiB)\n"
      "watermark: %s; recovered: %s%s\n",
      directory, report.files, report.file_bytes >> 20, report.replicas,
      report.entries, report.payload_bytes >> 20,
      CycleText(report.watermark_cycle), CycleText(report.recovered_cycle),
      EndText(report));
  size_t width = 0;
  for (const Finding& finding : report.findings) {
    width = std::max(width, WhereOf(finding, names).size());
  }
  for (const Finding& finding : report.findings) {
    absl::StrAppendFormat(&text, "%-8s  %-*s  %s\n", NameOf(finding.severity),
                          static_cast<int>(width), WhereOf(finding, names),
                          finding.what);
  }
  absl::StrAppend(&text, "result: ", VerdictOf(report), "\n",
                  NextStep(directory, report));
  return text;
}

std::string CheckReportJson(const std::string& directory,
                            const CheckReport& report,
                            const PartitionNames& names) {
  Json json;
  json["directory"] = directory;
  json["result"] = VerdictOf(report);
  json["exit_code"] = static_cast<int>(ExitCodeOf(report));
  if (report.watermark_cycle) json["watermark_cycle"] = *report.watermark_cycle;
  if (report.recovered_cycle) json["recovered_cycle"] = *report.recovered_cycle;
  json["torn_tail"] = report.torn_tail;
  json["last_cycle_copied"] = report.last_cycle_copied;
  json["files"] = report.files;
  json["file_bytes"] = report.file_bytes;
  json["replicas"] = report.replicas;
  json["entries"] = report.entries;
  json["payload_bytes"] = report.payload_bytes;
  json["findings"] = Json::array();
  for (const Finding& finding : report.findings) {
    json["findings"].push_back(ToJson(finding, names));
  }
  return json.dump(2, ' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace) +
         "\n";
}

ExitCode RunCheck(const CheckOptions& options) {
  auto view = storage::DirectoryView::Open(options.directory);
  if (!view.ok()) {
    std::fprintf(stderr, "kappad check: %s\n",
                 std::string(view.status().message()).c_str());
    return kCannotRun;
  }
  CheckReport report;
  {
    ProgressLine progress("check");
    report = storage::DirectoryCheck(view->get(), [&progress](uint64_t done,
                                                              uint64_t total) {
               progress.Update(done, total);
             }).Run();
  }
  if (!report.trouble.ok()) {
    std::fprintf(stderr, "kappad check: not everything can be read now: %s\n",
                 std::string(report.trouble.message()).c_str());
    return kCannotRun;
  }
  CheckIdentity(options.directory, &report);
  CheckForgotten(options.directory, &report);
  const PartitionNames names = PartitionNames::Load(**view);
  const std::string text =
      options.json ? CheckReportJson(options.directory, report, names)
                   : CheckReportTable(options.directory, report, names);
  StandardOutput output;
  output.Write(text);
  return output.Finish("check", ExitCodeOf(report));
}

}  // namespace kappa::server
