#include "raft/term_table.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::raft {
namespace {

// The last of `starts` at or below `index`, or nullptr.
const EntryId* StartOf(const std::vector<EntryId>& starts, LogIndex index) {
  auto above = std::upper_bound(
      starts.begin(), starts.end(), index,
      [](LogIndex i, const EntryId& start) { return i < start.index; });
  return above == starts.begin() ? nullptr : &*std::prev(above);
}

}  // namespace

TermTable::TermTable(EntryId base, EntryId last, std::vector<EntryId> starts)
    : base_(base), last_(last), starts_(std::move(starts)) {
  CheckInvariants();
}

void TermTable::Append(EntryId id) {
  KAPPA_CHECK(id.index == last_.index.Next(), "entries are contiguous");
  KAPPA_CHECK(id.term >= last_.term, "terms never fall along the log");
  if (starts_.empty() || id.term != last_.term) starts_.push_back(id);
  last_ = id;
}

void TermTable::TruncateFrom(LogIndex from) {
  KAPPA_CHECK(base_.index < from && from <= last_.index,
              "truncation inside the log");
  last_ = EntryId{*TermAt(from.Previous()), from.Previous()};
  while (!starts_.empty() && starts_.back().index >= from) starts_.pop_back();
}

void TermTable::TrimTo(EntryId base) {
  KAPPA_CHECK(base_.index < base.index && base.index <= last_.index,
              "a trim inside the log");
  KAPPA_CHECK(TermAt(base.index) == base.term, "the base is in the log");
  auto above = std::upper_bound(
      starts_.begin(), starts_.end(), base.index,
      [](LogIndex i, const EntryId& start) { return i < start.index; });
  const bool cut = base.index < last_.index &&
                   (above == starts_.end() || above->index > base.index.Next());
  // The rest of a term that began at or below the base begins after it now.
  if (cut) {
    --above;
    above->index = base.index.Next();
  }
  starts_.erase(starts_.begin(), above);
  base_ = base;
}

std::optional<Term> TermTable::TermAt(LogIndex index) const {
  if (index < base_.index || index > last_.index) return std::nullopt;
  if (index == last_.index) return last_.term;
  const EntryId* start = StartOf(starts_, index);
  return start == nullptr ? base_.term : start->term;
}

std::vector<EntryId> TermTable::StartsUpTo(LogIndex index,
                                           size_t count_max) const {
  std::vector<EntryId> result;
  if (index < base_.index || count_max == 0) return result;
  auto above = std::upper_bound(
      starts_.begin(), starts_.end(), index,
      [](LogIndex i, const EntryId& start) { return i < start.index; });
  const size_t below = static_cast<size_t>(above - starts_.begin());
  const size_t taken = std::min(below, count_max);
  if (taken < count_max) result.push_back(base_);
  result.insert(result.end(), above - static_cast<ptrdiff_t>(taken), above);
  return result;
}

LogIndex TermTable::HighestPossibleMatch(
    const std::vector<EntryId>& other_starts, LogIndex other_end) const {
  LogIndex i = std::min(other_end, last_.index);
  while (i > base_.index) {
    const EntryId* other = StartOf(other_starts, i);
    if (other == nullptr) break;
    const Term term = *TermAt(i);
    if (term == other->term) break;
    // Terms never fall along a log, so nothing in the run of the higher term
    // can agree: skip all of it.
    const EntryId* own = StartOf(starts_, i);
    const LogIndex run_start = term > other->term ? own->index : other->index;
    if (run_start == LogIndex(0)) return base_.index;
    i = run_start.Previous();
  }
  return std::max(i, base_.index);
}

void TermTable::CheckInvariants() const {
  EntryId previous = base_;
  for (const EntryId& start : starts_) {
    const bool first = previous == base_;
    KAPPA_CHECK(start.index > previous.index, "term starts ascend by index");
    KAPPA_CHECK(
        first ? start.term >= previous.term : start.term > previous.term,
        "term starts ascend by term");
    KAPPA_CHECK(!first || start.index == base_.index.Next(),
                "the first term starts after the base");
    previous = start;
  }
  KAPPA_CHECK(last_.index >= previous.index, "the last entry is above");
  KAPPA_CHECK(last_.term == previous.term, "the last entry's term");
  KAPPA_CHECK(!starts_.empty() || last_ == base_, "an empty log ends at base");
}

}  // namespace kappa::raft
