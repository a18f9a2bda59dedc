#include "server/log_bytes.h"

#include <algorithm>
#include <iterator>

#include "proto/wire/check.h"

namespace kappa::server {
namespace {

// `bytes` * `part` / `whole`, which may not fit while it is worked out.
uint64_t Share(uint64_t bytes, uint64_t part, uint64_t whole) {
  return static_cast<uint64_t>(static_cast<double>(bytes) *
                               static_cast<double>(part) /
                               static_cast<double>(whole));
}

}  // namespace

void LogBytes::OnAppended(LogIndex index, uint64_t payload_bytes) {
  KAPPA_CHECK(index == end_.index.Next(), "entries come in order");
  end_ = {index, end_.bytes + payload_bytes};
  if (index - samples_.back().index < stride_) return;
  if (samples_.size() == kSamplesMax) Thin();
  if (index - samples_.back().index >= stride_) samples_.push_back(end_);
}

void LogBytes::Thin() {
  size_t kept = 0;
  for (size_t i = 0; i < samples_.size(); i += 2)
    samples_[kept++] = samples_[i];
  samples_.resize(kept);
  stride_ *= 2;
}

void LogBytes::OnTruncated(LogIndex from) {
  const LogIndex last = from.Previous();
  if (last >= end_.index) return;
  if (last <= samples_.front().index) {
    *this = LogBytes(last);
    return;
  }
  end_ = {last, UpTo(last)};
  while (samples_.back().index > last) samples_.pop_back();
}

uint64_t LogBytes::UpTo(LogIndex index) const {
  if (index >= end_.index) return end_.bytes;
  const auto next = std::upper_bound(
      samples_.begin(), samples_.end(), index,
      [](LogIndex i, const Sample& sample) { return i < sample.index; });
  const Sample& below = *std::prev(next);
  const Sample& above = next == samples_.end() ? end_ : *next;
  return below.bytes + Share(above.bytes - below.bytes, index - below.index,
                             above.index - below.index);
}

std::optional<uint64_t> LogBytes::Between(LogIndex after,
                                          LogIndex through) const {
  if (through <= after) return 0;
  const Sample& first = samples_.front();
  if (end_.index == first.index) return std::nullopt;
  uint64_t bytes = 0;
  if (after < first.index) {
    bytes = Share(end_.bytes, std::min(through, first.index) - after,
                  end_.index - first.index);
  }
  if (through <= first.index) return bytes;
  return bytes + UpTo(through) - UpTo(std::max(after, first.index));
}

}  // namespace kappa::server
