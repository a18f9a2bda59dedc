#include "storage/term_rows.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "storage/damaged_index.h"
#include "storage/fixed_width.h"
#include "storage/producer_record.h"
#include "storage/row_format.h"

namespace kappa::storage {
namespace {

// Beside the rows of producers ('C', 'N' and 'U') and of configurations ('G').
constexpr char kTermRow = 'T';

std::string TermRowKey(ReplicaNumber replica, size_t number) {
  std::string key = TermRowsPrefix(replica);
  AppendBigEndian(static_cast<uint32_t>(number), &key);
  return key;
}

size_t RowsFor(size_t starts) {
  return (starts + kTermsPerRow - 1) / kTermsPerRow;
}

// Whether terms that begin at `starts` are those of a log with that position,
// as far as positions tell.
bool FitPosition(const std::vector<raft::EntryId>& starts,
                 const ReplicaPosition& position) {
  if (starts.empty() || starts.front().index != position.base.id.index.Next() ||
      starts.front().term < position.base.id.term ||
      starts.back().index > position.last.index ||
      starts.back().term != position.last.term) {
    return false;
  }
  const auto out_of_order = [](const raft::EntryId& a, const raft::EntryId& b) {
    return b.index <= a.index || b.term <= a.term;
  };
  return std::adjacent_find(starts.begin(), starts.end(), out_of_order) ==
         starts.end();
}

// Whether the entry at `index` is of `term`, or cannot be read.
absl::StatusOr<bool> MayBeOf(const LogStore& store, ReplicaNumber replica,
                             LogIndex index, Term term) {
  const absl::StatusOr<EntryHeader> header = store.ReadHeader(replica, index);
  if (header.ok()) return header->term == term;
  if (absl::IsDataLoss(header.status())) return true;
  return header.status();
}

// Likewise for all entries with which a term begins or ends. Terms never fall,
// so those between need no look.
absl::StatusOr<bool> FitEntries(const LogStore& store, ReplicaNumber replica,
                                const std::vector<raft::EntryId>& starts,
                                LogIndex last) {
  for (size_t i = 0; i < starts.size(); ++i) {
    const LogIndex end =
        i + 1 < starts.size() ? starts[i + 1].index.Previous() : last;
    for (const LogIndex index : {starts[i].index, end}) {
      const absl::StatusOr<bool> fits =
          MayBeOf(store, replica, index, starts[i].term);
      if (!fits.ok() || !*fits) return fits;
    }
  }
  return true;
}

}  // namespace

std::string TermRowsPrefix(ReplicaNumber replica) {
  return ProducerRowsPrefix(replica) + kTermRow;
}

std::vector<SideRow> TermRows(ReplicaNumber replica,
                              absl::Span<const raft::EntryId> starts,
                              size_t kept, size_t before) {
  KAPPA_CHECK(kept <= starts.size(), "no more are kept than there are");
  std::vector<SideRow> rows;
  const size_t count = RowsFor(starts.size());
  for (size_t number = kept / kTermsPerRow; number < count; ++number) {
    const auto of_row = starts.subspan(number * kTermsPerRow, kTermsPerRow);
    RowWriter row;
    row.Number32(static_cast<uint32_t>(of_row.size()));
    for (const raft::EntryId& start : of_row) {
      row.Number(start.term.value());
      row.Number(start.index.value());
    }
    rows.push_back({SideTable::kProducers, TermRowKey(replica, number),
                    std::move(row).Finish()});
  }
  for (size_t number = count; number < RowsFor(before); ++number) {
    rows.push_back(
        {SideTable::kProducers, TermRowKey(replica, number), std::nullopt});
  }
  return rows;
}

absl::StatusOr<std::vector<raft::EntryId>> ReadTermRows(const LogStore& store,
                                                        ReplicaNumber replica) {
  std::vector<raft::EntryId> starts;
  size_t rows = 0;
  bool whole = true;
  const absl::Status scanned = store.ScanSideRows(
      SideTable::kProducers, TermRowsPrefix(replica),
      [&](std::string_view key, std::string_view value) {
        RowReader row(value);
        const uint32_t count = row.Number32();
        for (uint32_t i = 0; i < count && row.good(); ++i) {
          const Term term(row.Number());
          starts.push_back({term, LogIndex(row.Number())});
        }
        whole = row.Finish() && key == TermRowKey(replica, rows);
        ++rows;
        return whole;
      });
  if (!scanned.ok()) return scanned;
  if (whole) return starts;
  return absl::DataLossError(absl::StrCat("the rows about terms of replica ",
                                          replica.value(), " are damaged"));
}

absl::StatusOr<FoundTermStarts> FindTermStarts(const LogStore& store,
                                               ReplicaNumber replica) {
  absl::StatusOr<std::vector<raft::EntryId>> by_entries =
      store.TermStarts(replica);
  if (by_entries.ok()) {
    return FoundTermStarts{*std::move(by_entries), absl::OkStatus()};
  }
  const absl::Status damage = by_entries.status();
  if (!absl::IsDataLoss(damage) || !DamagedIndexOf(damage).has_value()) {
    return damage;
  }
  const absl::StatusOr<ReplicaPosition> position = store.Position(replica);
  if (!position.ok()) return position.status();
  absl::StatusOr<std::vector<raft::EntryId>> by_rows =
      ReadTermRows(store, replica);
  if (absl::IsDataLoss(by_rows.status())) return damage;
  if (!by_rows.ok()) return by_rows.status();
  if (!FitPosition(*by_rows, *position)) return damage;
  const absl::StatusOr<bool> fit =
      FitEntries(store, replica, *by_rows, position->last.index);
  if (!fit.ok()) return fit.status();
  if (!*fit) return damage;
  return FoundTermStarts{*std::move(by_rows), damage};
}

}  // namespace kappa::storage
