#include "raft/in_flight_window.h"

#include "proto/wire/check.h"

namespace kappa::raft {

void InFlightWindow::Push(LogIndex last, uint64_t entries, uint64_t bytes) {
  KAPPA_CHECK(entries > 0, "a request with entries");
  KAPPA_CHECK(requests_.empty() || last > requests_.back().last,
              "requests are sent in order");
  requests_.PushBack(Request{last, entries, bytes});
  entries_ += entries;
  bytes_ += bytes;
}

void InFlightWindow::PopUpTo(LogIndex acknowledged) {
  while (!requests_.empty() && requests_.front().last <= acknowledged) {
    entries_ -= requests_.front().entries;
    bytes_ -= requests_.front().bytes;
    requests_.PopFront();
  }
}

void InFlightWindow::Clear() {
  while (!requests_.empty()) requests_.PopFront();
  entries_ = 0;
  bytes_ = 0;
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
  KAPPA_CHECK(entries == entries_, "the sum of entries");
  KAPPA_CHECK(bytes == bytes_, "the sum of bytes");
}

}  // namespace kappa::raft
