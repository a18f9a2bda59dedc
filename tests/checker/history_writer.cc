#include "tests/checker/history_writer.h"

#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/checker/event_json.h"

namespace kappa::checker {

absl::StatusOr<std::unique_ptr<HistoryWriter>> HistoryWriter::Create(
    const std::string& path, const Clock& clock, uint64_t first_op) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return absl::AlreadyExistsError(absl::StrCat(path, " exists"));
  }
  std::ofstream file(path, std::ios::binary);
  if (!file) return absl::UnavailableError(absl::StrCat("cannot make ", path));
  return std::make_unique<HistoryWriter>(std::move(file), clock, first_op);
}

uint64_t HistoryWriter::Invoke(Event event) {
  {
    MutexLock lock(&mutex_);
    event.op = next_op_++;
  }
  event.type = EventType::kInvoke;
  event.time_us = clock_.MonotonicUs();
  Write(event);
  return event.op;
}

void HistoryWriter::Add(Event event) {
  event.time_us = clock_.MonotonicUs();
  Write(event);
}

void HistoryWriter::Write(const Event& event) {
  const std::string line = FormatEvent(event) + "\n";
  MutexLock lock(&mutex_);
  file_ << line;
}

absl::Status HistoryWriter::Close() {
  MutexLock lock(&mutex_);
  file_.close();
  if (!file_) return absl::DataLossError("history: a write failed");
  return absl::OkStatus();
}

}  // namespace kappa::checker
