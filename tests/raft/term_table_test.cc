#include "raft/term_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// A log as a plain list of terms; the term of index base + 1 + i is terms[i].
struct PlainLog {
  EntryId base;
  std::vector<Term> terms;

  LogIndex last() const { return base.index + terms.size(); }
  std::optional<Term> TermAt(LogIndex index) const {
    if (index == base.index) return base.term;
    if (index < base.index || index > last()) return std::nullopt;
    return terms[index - base.index - 1];
  }
};

TermTable TableOf(const PlainLog& log) {
  TermTable table(log.base);
  for (Term term : log.terms) {
    table.Append(EntryId{term, table.last().index.Next()});
  }
  return table;
}

// Two logs that share a prefix and then part; terms after the parting differ
// as in Raft, where one leader writes each term's entries.
std::pair<PlainLog, PlainLog> RandomPair(std::mt19937_64& random) {
  PlainLog a;
  uint64_t term = 0;
  auto extend = [&](PlainLog& log, uint64_t step) {
    for (uint64_t run = random() % 6; run > 0; --run) {
      term += step * (1 + random() % 3);
      for (uint64_t n = 1 + random() % 5; n > 0; --n) {
        log.terms.push_back(Term(term));
      }
    }
  };
  extend(a, 1);
  PlainLog b = a;
  // One of them may hold more of the last shared term.
  if (term > 0) {
    for (uint64_t n = random() % 3; n > 0; --n) a.terms.push_back(Term(term));
  }
  const uint64_t shared_term = term;
  term = shared_term + 1 + (shared_term % 2);  // odd or even from here on
  if (term % 2 == 0) ++term;
  extend(a, 2);  // odd terms
  term = shared_term + 1;
  if (term % 2 == 1) ++term;
  extend(b, 2);  // even terms
  return {a, b};
}

LogIndex LastCommon(const PlainLog& a, const PlainLog& b) {
  LogIndex common;
  for (LogIndex i(1); i <= std::min(a.last(), b.last()); ++i) {
    if (a.TermAt(i) != b.TermAt(i)) break;
    common = i;
  }
  return common;
}

TEST(TermTableTest, AgreesWithAPlainListOfTerms) {
  std::mt19937_64 random(1);
  for (int run = 0; run < 2000; ++run) {
    PlainLog plain;
    plain.base = At(random() % 3, random() % 5);
    TermTable table(plain.base);
    uint64_t term = plain.base.term.value();
    for (int step = 0; step < 40; ++step) {
      if (random() % 5 == 0 && !plain.terms.empty()) {
        plain.terms.resize(random() % plain.terms.size());
        table.TruncateFrom(plain.last().Next());
        term = table.last().term.value() + 1;
      } else {
        term += random() % 4 == 0 ? 1 + random() % 2 : 0;
        plain.terms.push_back(Term(term));
        table.Append(EntryId{Term(term), plain.last()});
      }
      table.CheckInvariants();
      ASSERT_EQ(table.last().index, plain.last());
      for (LogIndex i; i <= plain.last() + 2; ++i) {
        ASSERT_EQ(table.TermAt(i), plain.TermAt(i));
      }
    }
    const TermTable restored(table.base(), table.last(), table.starts());
    ASSERT_EQ(restored.starts(), table.starts());
  }
}

TEST(TermTableTest, ATrimChangesNoTermAboveIt) {
  std::mt19937_64 random(4);
  for (int run = 0; run < 2000; ++run) {
    TermTable table(At(1, random() % 4));
    uint64_t term = 1 + random() % 2;
    for (uint64_t n = 1 + random() % 12; n > 0; --n) {
      table.Append(EntryId{Term(term), table.last().index.Next()});
      term += random() % 3 == 0 ? 1 + random() % 2 : 0;
    }
    const TermTable before = table;
    const LogIndex base = table.base().index + 1 +
                          random() % (table.last().index - table.base().index);
    table.TrimTo(EntryId{*table.TermAt(base), base});
    table.CheckInvariants();
    ASSERT_EQ(table.last(), before.last());
    ASSERT_EQ(table.base().index, base);
    for (LogIndex i = base; i <= table.last().index; ++i) {
      ASSERT_EQ(table.TermAt(i), before.TermAt(i));
    }
    ASSERT_EQ(table.TermAt(base.Previous()), std::nullopt);
  }
}

TEST(TermTableTest, StartsUpToEndsAtTheIndexAndCountsTheBase) {
  TermTable table(At(1, 3));
  for (uint64_t term : {1, 1, 4, 4, 6}) {
    table.Append(EntryId{Term(term), table.last().index.Next()});
  }
  using Starts = std::vector<EntryId>;
  EXPECT_EQ(table.StartsUpTo(LogIndex(8), 10),
            (Starts{At(1, 3), At(1, 4), At(4, 6), At(6, 8)}));
  EXPECT_EQ(table.StartsUpTo(LogIndex(7), 10),
            (Starts{At(1, 3), At(1, 4), At(4, 6)}));
  EXPECT_EQ(table.StartsUpTo(LogIndex(8), 2), (Starts{At(4, 6), At(6, 8)}));
  EXPECT_EQ(table.StartsUpTo(LogIndex(3), 10), (Starts{At(1, 3)}));
  EXPECT_EQ(table.StartsUpTo(LogIndex(2), 10), Starts{});
  EXPECT_EQ(table.StartsUpTo(LogIndex(8), 0), Starts{});
}

TEST(TermTableTest, FindsWhereTwoLogsPart) {
  std::mt19937_64 random(2);
  int parted = 0;
  for (int run = 0; run < 50000; ++run) {
    const auto [a, b] = RandomPair(random);
    const TermTable own = TableOf(a);
    const TermTable other = TableOf(b);
    const LogIndex common = LastCommon(a, b);
    // With all of the other's starts the answer is exact.
    ASSERT_EQ(
        own.HighestPossibleMatch(other.StartsUpTo(other.last().index, 100),
                                 other.last().index),
        common);
    // With few of them, and from below the end, it never passes the last
    // common entry, and repeated it gets there.
    LogIndex probe = std::min(own.last().index, other.last().index);
    int rounds = 0;
    while (own.TermAt(probe) != other.TermAt(probe)) {
      const LogIndex end = probe.Previous();
      const LogIndex next =
          own.HighestPossibleMatch(other.StartsUpTo(end, 2), end);
      ASSERT_LT(next, probe);
      ASSERT_GE(next, common);
      probe = next;
      ++rounds;
    }
    ASSERT_EQ(probe, common);
    ASSERT_LE(rounds, 8);
    parted += rounds > 0 ? 1 : 0;
  }
  EXPECT_GT(parted, 10000);
}

TEST(TermTableTest, FindsThePartingOfAMillionEntriesInFewRounds) {
  // 1,000 terms in turns, 1,000 entries each, after one common entry.
  TermTable own(EntryId{});
  TermTable other(EntryId{});
  own.Append(At(1, 1));
  other.Append(At(1, 1));
  for (uint64_t run = 0; run < 500; ++run) {
    for (uint64_t n = 0; n < 1000; ++n) {
      own.Append(EntryId{Term(2 + 2 * run), own.last().index.Next()});
      other.Append(EntryId{Term(3 + 2 * run), other.last().index.Next()});
    }
  }
  LogIndex probe = own.last().index;
  int rounds = 0;
  while (own.TermAt(probe) != other.TermAt(probe)) {
    const LogIndex end = probe.Previous();
    probe = own.HighestPossibleMatch(other.StartsUpTo(end, 128), end);
    ++rounds;
  }
  EXPECT_EQ(probe, LogIndex(1));
  EXPECT_LE(rounds, 12);
}

TEST(TermTableTest, TakesAnyHintWithoutLeavingItsOwnLog) {
  // What comes over the network may be nonsense; the answer stays in range.
  std::mt19937_64 random(3);
  TermTable own(At(2, 4));
  for (uint64_t term : {3, 3, 5, 8, 8}) {
    own.Append(EntryId{Term(term), own.last().index.Next()});
  }
  for (int run = 0; run < 20000; ++run) {
    std::vector<EntryId> hint;
    for (uint64_t n = random() % 4; n > 0; --n) {
      hint.push_back(At(random() % 10, random() % 12));
    }
    const LogIndex answer =
        own.HighestPossibleMatch(hint, LogIndex(random() % 12));
    ASSERT_GE(answer, own.base().index);
    ASSERT_LE(answer, own.last().index);
  }
}

TEST(TermTableDeathTest, RefusesHolesAndFallingTerms) {
  TermTable table(At(2, 4));
  EXPECT_DEATH(table.Append(At(2, 6)), "contiguous");
  EXPECT_DEATH(table.Append(At(1, 5)), "terms never fall");
  EXPECT_DEATH(table.TruncateFrom(LogIndex(4)), "inside the log");
  EXPECT_DEATH(table.TruncateFrom(LogIndex(5)), "inside the log");
  EXPECT_DEATH(TermTable(At(0, 0), At(1, 5), {}), "check failed");
  EXPECT_DEATH(TermTable(At(0, 0), At(1, 5), {At(1, 2)}), "after the base");
}

}  // namespace
}  // namespace kappa::raft
