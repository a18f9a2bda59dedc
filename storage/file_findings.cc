#include "storage/file_findings.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "storage/file_bytes.h"
#include "storage/record_file_scan.h"
#include "storage/watermark.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr char kWatermark[] = "watermark";
constexpr size_t kSmallFileBytes = 4096;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsWal(std::string_view name) {
  return name.ends_with(".log") && name.size() > 4 &&
         std::all_of(name.begin(), name.end() - 4,
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  std::string bytes;
  const absl::Status status = ReadFileInPieces(
      path, kSmallFileBytes,
      [&bytes](std::string_view piece) { bytes.append(piece); });
  if (!status.ok()) return status;
  return bytes;
}

void CheckCurrent(const std::string& database, Severity severity,
                  std::vector<Finding>* findings) {
  const auto add = [&](std::string what) {
    findings->push_back({severity, "db/CURRENT", std::move(what), {}});
  };
  const absl::StatusOr<std::string> text = ReadWhole(database + "/CURRENT");
  if (!text.ok()) return add(std::string(text.status().message()));
  std::string_view name = *text;
  if (!name.starts_with("MANIFEST-") || !name.ends_with("\n")) {
    return add("it does not name a manifest");
  }
  name.remove_suffix(1);
  std::error_code error;
  if (!fs::exists(database + "/" + std::string(name), error)) {
    add(absl::StrCat("it names ", std::string(name), ", which is missing"));
  }
}

}  // namespace

std::vector<Finding> CheckWatermarkFile(const std::string& path) {
  std::vector<Finding> findings;
  const auto add = [&findings](Severity severity, std::string what) {
    findings.push_back({severity, kWatermark, std::move(what), {}});
  };
  const std::string file = path + "/" + kWatermark;
  const absl::StatusOr<WatermarkSlots> slots = ReadWatermark(file);
  if (!slots.ok()) {
    add(Severity::kRefusal, std::string(slots.status().message()));
    return findings;
  }
  if (!slots->newest().has_value()) {
    add(Severity::kRefusal,
        "both slots are damaged, so nothing says what was acknowledged");
    return findings;
  }
  for (size_t i = 0; i < slots->slots.size(); ++i) {
    if (slots->slots[i].has_value()) continue;
    add(Severity::kHarmless,
        absl::StrCat("slot ", i,
                     " is damaged; the other one is whole, and a "
                     "start writes this one anew"));
  }
  const absl::StatusOr<std::string> bytes = ReadWhole(file);
  if (!bytes.ok() || slots->damaged()) return findings;
  if (bytes->size() != slots->slots.size() * kWatermarkSlotBytes) {
    add(Severity::kHarmless,
        absl::StrCat("it has ", bytes->size(), " bytes, not ",
                     slots->slots.size() * kWatermarkSlotBytes));
  }
  for (size_t i = 0; i < slots->slots.size(); ++i) {
    const size_t used = slots->used_bytes(i);
    const std::string rest = bytes->substr(i * kWatermarkSlotBytes + used,
                                           kWatermarkSlotBytes - used);
    if (rest.find_first_not_of('\0') == std::string::npos) continue;
    add(Severity::kHarmless,
        absl::StrCat("slot ", i, ": bytes behind its content are not zero"));
  }
  return findings;
}

RecordFileFindings CheckRecordFiles(
    const std::string& path, Severity severity,
    absl::FunctionRef<void(uint64_t bytes)> on_file) {
  RecordFileFindings found;
  std::vector<Finding>& findings = found.findings;
  const std::string database = path + "/db";
  CheckCurrent(database, severity, &findings);
  const std::vector<std::string> names = NamesIn(database);
  std::string newest;
  for (const std::string& name : names) {
    if (IsWal(name)) newest = name;
  }
  for (const std::string& name : names) {
    if (!IsWal(name) && !name.starts_with("MANIFEST-")) continue;
    const std::string where = "db/" + name;
    const absl::StatusOr<RecordFileScan> scan =
        ScanRecordFile(database + "/" + name);
    if (!scan.ok()) {
      findings.push_back(
          {severity, where, std::string(scan.status().message()), {}});
      continue;
    }
    on_file(scan->bytes);
    if (!scan->damaged_at.has_value()) continue;
    if (severity == Severity::kHarmless && IsWal(name)) {
      if (scan->zeros_to_end) continue;
      if (scan->cut_off && name == newest) {
        found.torn_tail = true;
        continue;
      }
    }
    findings.push_back({severity,
                        where,
                        absl::StrCat(scan->damage, " at byte ",
                                     *scan->damaged_at, " of ", scan->bytes),
                        {}});
  }
  return found;
}

std::string DescribeRecordFileDamage(const std::string& path) {
  std::string text;
  for (const Finding& finding :
       CheckRecordFiles(path, Severity::kRefusal, [](uint64_t) {}).findings) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", finding.where, ": ",
                    finding.what);
  }
  return text;
}

}  // namespace kappa::storage
