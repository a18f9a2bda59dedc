// Random histories of a log that keeps its promises have no anomaly, and each
// has the one that is planted into it. The nightly has 10^4 of each.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/checker/anomaly.h"
#include "tests/checker/check.h"
#include "tests/checker/event_json.h"
#include "tests/checker/findings.h"
#include "tests/checker/history_builder.h"
#include "tests/checker/history_reader.h"
#include "tests/checker/legal_history.h"
#include "tests/checker/planted_history.h"
#include "tests/checker/plants.h"
#include "tests/checker/report.h"
#include "tests/checker/summary.h"

namespace kappa::checker {
namespace {

uint64_t Histories() {
  return std::getenv("KAPPA_NIGHTLY") != nullptr ? 10'000 : 1'000;
}

LegalHistoryOptions Options(uint64_t seed) {
  LegalHistoryOptions options;
  options.seed = seed;
  options.operations = 200 + seed % 61;
  options.clients = 4 + seed % 5;
  options.partitions = 2;
  return options;
}

// Every tenth by way of its text.
absl::StatusOr<History> Build(const std::vector<Event>& events, bool as_text) {
  if (as_text) {
    std::stringstream text;
    for (const Event& event : events) text << FormatEvent(event) << "\n";
    return ReadHistory(text);
  }
  HistoryBuilder builder;
  for (const Event& event : events) {
    const absl::Status status = builder.Add(event);
    if (!status.ok()) return status;
  }
  return std::move(builder).Finish();
}

TEST(RandomHistoryTest, LegalOnesHaveNoAnomaly) {
  uint64_t stored = 0, absent = 0, operations = 0, overlaps = 0;
  for (uint64_t seed = 1; seed <= Histories(); ++seed) {
    const LegalHistoryOptions options = Options(seed);
    const std::vector<Event> events = LegalHistory(options).Run();
    const absl::StatusOr<History> history = Build(events, seed % 10 == 0);
    ASSERT_TRUE(history.ok()) << "seed " << seed << ": " << history.status();
    ASSERT_GE(history->operations(), 200);
    const Findings findings = CheckHistory(*history, CheckOptions());
    ASSERT_TRUE(findings.empty()) << "seed " << seed << "\n"
                                  << TextReport(*history, findings);
    const Summary summary(*history);
    stored += summary.unknown_stored;
    absent += summary.unknown_absent;
    operations += history->operations();
    uint64_t under_way = 0;
    std::set<uint64_t> processes;
    for (const Event& event : events) {
      if (event.type == EventType::kInvoke) {
        overlaps += under_way++ > 0;
        processes.insert(event.process);
      } else if (event.type == EventType::kOk ||
                 event.type == EventType::kFail ||
                 event.type == EventType::kUnknown) {
        --under_way;
      }
    }
    ASSERT_GE(processes.size(), 4);
  }
  std::cout << Histories() << " histories, " << operations << " operations, "
            << overlaps
            << " of them overlap others, unknown appends: " << stored
            << " stored, " << absent << " not\n";
  EXPECT_GT(stored, Histories());
  EXPECT_GT(absent, Histories());
  EXPECT_GT(overlaps, operations / 2);
}

TEST(RandomHistoryTest, EachPlantedAnomalyIsCalledByItsName) {
  std::array<uint64_t, kAnomalyKinds> planted = {};
  uint64_t without_place = 0;
  for (uint64_t i = 1; i <= Histories(); ++i) {
    const AnomalyKind kind = static_cast<AnomalyKind>(i % kAnomalyKinds);
    // A history that has no place for it is replaced by another one.
    for (uint64_t seed = i;; seed += 100'000) {
      PlantedHistory changed(LegalHistory(Options(seed)).Run(), seed);
      if (!Plant(kind, &changed)) {
        ASSERT_LT(seed, 5'000'000) << NameOf(kind) << " finds no place";
        ++without_place;
        continue;
      }
      const absl::StatusOr<History> history =
          Build(changed.events(), i % 10 == 0);
      ASSERT_TRUE(history.ok())
          << NameOf(kind) << ", seed " << seed << ": " << history.status();
      const Findings findings = CheckHistory(*history, CheckOptions());
      ASSERT_GT(findings.Count(kind), 0)
          << NameOf(kind) << ", seed " << seed << "\n"
          << TextReport(*history, findings);
      break;
    }
    ++planted[static_cast<size_t>(kind)];
  }
  const uint64_t each = Histories() / kAnomalyKinds;
  for (size_t i = 0; i < kAnomalyKinds; ++i) {
    EXPECT_GE(planted[i], each) << NameOf(static_cast<AnomalyKind>(i));
  }
  std::cout << Histories() << " planted, each of " << kAnomalyKinds
            << " kinds at least " << each << " times; " << without_place
            << " histories had no place for theirs\n";
}

}  // namespace
}  // namespace kappa::checker
