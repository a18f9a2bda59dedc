#include "raft/in_flight_window.h"

#include "proto/wire/check.h"

namespace kappa::raft {

void InFlightWindow::Push(LogIndex last, uint64_t entries, uint64_t bytes) {
  KAPPA_CHECK(entries > 0, "a request with entries");
  KAPPA_CHECK(requests_.empty() || last > requests_.back().last,
              "requests are sent in order");
  Request request{last, entries, bytes, entries, bytes};
  if (!requests_.empty()) {
    request.entries_end += requests_.back().entries_end;
    request.bytes_end += requests_.back().bytes_end;
  }
  requests_.PushBack(request);
}

void InFlightWindow::PopUpTo(LogIndex acknowledged) {
  while (!requests_.empty() && requests_.front().last <= acknowledged) {
    requests_.PopFront();
  }
}

void InFlightWindow::Clear() {
  while (!requests_.empty()) requests_.PopFront();
}

void InFlightWindow::CheckInvariants() const {
  uint64_t entries = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < requests_.size(); ++i) {
    KAPPA_CHECK(requests_[i].entries > 0, "requests with entries");
    KAPPA_CHECK(i == 0 || requests_[i].last > requests_[i - 1].last,
                "requests ascend");
    entries += requests_[i].entries;
    bytes += requests_[i].bytes;
  }
  KAPPA_CHECK(entries == this->entries(), "the sum of entries");
  KAPPA_CHECK(bytes == this->bytes(), "the sum of bytes");
}

}  // namespace kappa::raft
