// The contract of LogStore (storage/log_store.h): the store on RocksDB and the
// one in memory answer alike after every step of random operations.
//
// CONTRACT_SEEDS: how many seeds, from 1; CONTRACT_SEED: only that one.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/producer_record.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"
#include "tests/storage/store_pair.h"

namespace kappa::storage {
namespace {

// How often what happened, in all runs; none may be zero.
using Counts = std::map<std::string, uint64_t>;

// One log, and where it stood after each of its entries.
struct Log {
  explicit Log(LogScript s) : script(std::move(s)) {}
  LogScript script;
  std::vector<ReplicaPosition> history;  // at the base and after each write
};

class ContractRun {
 public:
  ContractRun(uint64_t seed, std::string directory, Counts* counts)
      : random_(seed), pair_(std::move(directory)), counts_(counts) {}

  void Run(int steps) {
    Create();
    for (int step = 0; step < steps; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      ASSERT_NO_FATAL_FAILURE(Step());
      ASSERT_NO_FATAL_FAILURE(pair_.ComparePositions());
      for (int i = 0; i < 3; ++i) {
        if (logs_.empty()) break;
        ASSERT_NO_FATAL_FAILURE(
            pair_.CompareReads(RandomLog().script.replica(), &random_));
      }
    }
    ASSERT_NO_FATAL_FAILURE(CompareEverything());
    ASSERT_NO_FATAL_FAILURE(pair_.Crash());
    ASSERT_NO_FATAL_FAILURE(CompareEverything());
    (*counts_)["sealed segments"] += pair_.SealedFolders();
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  Log& RandomLog() { return logs_[Below(logs_.size())]; }

  void Step() {
    // Some runs of the lifecycle end between two steps.
    (*counts_)["rewritten segments seen"] += pair_.RewrittenFolders();
    switch (Below(40)) {
      case 0:
        if (logs_.size() < 6) return Create();
        return;
      case 1:
        if (logs_.size() > 2) return Drop();
        return;
      case 2:
        ++(*counts_)["reopens"];
        return pair_.Reopen();
      case 3:
        ++(*counts_)["crashes"];
        return pair_.Crash();
      case 4:
        return pair_.Commit({});
      case 5:
        return pair_.CompareSideRows();
      default:
        return CommitSome();
    }
  }

  void Create() {
    std::vector<ReplicaSpec> specs;
    for (uint64_t i = 0; i <= Below(3); ++i) {
      specs.push_back(SpecOfGroup(next_group_++));
    }
    const std::vector<ReplicaNumber> numbers = pair_.CreateReplicas(specs);
    for (size_t i = 0; i < specs.size(); ++i) {
      logs_.emplace_back(LogScript(numbers[i], specs[i]));
      logs_.back().script.set_time_step_us(1 + static_cast<int64_t>(Below(9)));
      logs_.back().history.push_back(logs_.back().script.position());
    }
  }

  void Drop() {
    ++(*counts_)["drops"];
    const size_t victim = Below(logs_.size());
    const ReplicaNumber number = logs_[victim].script.replica();
    logs_.erase(logs_.begin() + static_cast<ptrdiff_t>(victim));
    pair_.DropReplicas({&number, 1});
    ASSERT_NO_FATAL_FAILURE(pair_.CompareReads(number, &random_));
  }

  // One cycle with writes of several replicas, also of one more than once.
  void CommitSome() {
    std::vector<GroupWrite> writes;
    for (uint64_t i = 0; i <= Below(4); ++i) {
      writes.push_back(RandomWrite(&RandomLog()));
    }
    pair_.Commit(writes);
  }

  GroupWrite RandomWrite(Log* log) {
    GroupWrite write = log->script.Empty();
    const uint64_t dice = Below(40);
    if (dice == 0) {
      InstallBase(log, &write);
    } else if (dice < 5 && log->history.size() > 1) {
      Truncate(log, &write);
    }
    const uint64_t entries = dice < 8 ? Below(2) : Below(6);
    for (uint64_t i = 0; i < entries; ++i) {
      write.entries.push_back(RandomEntry(log));
      log->history.push_back(log->script.position());
    }
    if (Below(4) == 0) write.hard_state = RandomHardState(log);
    for (uint64_t i = Below(3); i > 0; --i) {
      write.side_rows.push_back(RandomSideRow(write.replica));
    }
    return write;
  }

  void InstallBase(Log* log, GroupWrite* write) {
    ++(*counts_)["installed bases"];
    const ReplicaPosition& now = log->script.position();
    GroupBase base = now.base;
    base.id = {log->script.term(),
               LogIndex(Below(2 * now.last.index.value() + 10))};
    base.offset = Offset(Below(2 * now.end_offset.value() + 10));
    base.append_time_us = static_cast<int64_t>(Below(100'000));
    base.chain[0] = static_cast<uint8_t>(Below(256));
    *write = log->script.InstallBase(base);
    log->history = {log->script.position()};
  }

  void Truncate(Log* log, GroupWrite* write) {
    ++(*counts_)["truncations"];
    // Often a little, sometimes far, into sealed segments.
    const uint64_t size = log->history.size();
    const uint64_t far =
        Below(3) == 0 ? size - 1 : std::min<uint64_t>(size - 1, 5);
    log->history.resize(size - 1 - Below(far));
    const ReplicaPosition before = log->history.back();
    *write = log->script.TruncateFrom(before.last.index.Next(), before);
    log->script.set_term(log->script.term().Next());
  }

  EntryWrite RandomEntry(Log* log) {
    const uint64_t dice = Below(20);
    if (dice == 0) return log->script.Control();
    if (dice == 1) return log->script.Control({Uuid{1, 2, 3}, 1 + Below(5), 0});
    const size_t bytes = dice < 5 ? Below(150'000) : Below(3000);
    std::string payload(bytes, static_cast<char>(random_()));
    for (size_t i = 0; i < bytes; i += 97) {
      payload[i] = static_cast<char>(random_());
    }
    ProducerStamp stamp;
    std::optional<std::string> state;
    if (dice % 3 == 0) {
      stamp = {Uuid{9, static_cast<uint8_t>(Below(5))}, Below(3), Below(99)};
      if (dice % 2 == 0) state = std::string(Below(1000), 's');
    }
    return log->script.Records(std::move(payload),
                               static_cast<uint32_t>(1 + Below(50)), stamp,
                               std::move(state));
  }

  raft::HardState RandomHardState(Log* log) {
    raft::HardState state;
    state.term = log->script.term();
    if (Below(2) == 0) state.vote = ReplicaId{NodeId(Below(3)), Incarnation(1)};
    return state;
  }

  SideRow RandomSideRow(ReplicaNumber replica) {
    SideRow row;
    row.table = Below(2) == 0 ? SideTable::kMetadata : SideTable::kProducers;
    row.key =
        std::string("ab").substr(0, 1 + Below(2)) + std::to_string(Below(20));
    if (row.table == SideTable::kProducers && Below(4) == 0) {
      row.key = ProducerRowsPrefix(replica) + row.key;
    }
    if (Below(3) != 0) row.value = std::string(Below(100), 'v');
    return row;
  }

  void CompareEverything() {
    ASSERT_NO_FATAL_FAILURE(pair_.ComparePositions());
    ASSERT_NO_FATAL_FAILURE(pair_.CompareSideRows());
    for (const Log& log : logs_) {
      for (const ReadClass read_class :
           {ReadClass::kPoint, ReadClass::kReplay}) {
        ASSERT_NO_FATAL_FAILURE(
            pair_.CompareLog(log.script.replica(), read_class));
      }
    }
  }

  std::mt19937_64 random_;
  StorePair pair_;
  Counts* const counts_;
  std::vector<Log> logs_;
  uint64_t next_group_ = 1;
};

uint64_t EnvironmentOr(const char* name, uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(StoreContractTest, BothStoresAnswerAlikeAfterEveryStep) {
  const uint64_t only = EnvironmentOr("CONTRACT_SEED", 0);
  const uint64_t seeds = EnvironmentOr("CONTRACT_SEEDS", 4);
  Counts counts;
  for (const char* what :
       {"sealed segments", "rewritten segments seen", "reopens", "crashes",
        "drops", "installed bases", "truncations"}) {
    counts[what] = 0;
  }
  for (uint64_t seed = only == 0 ? 1 : only; seed <= (only == 0 ? seeds : only);
       ++seed) {
    SCOPED_TRACE("CONTRACT_SEED=" + std::to_string(seed));
    const std::string directory = FreshDirectory("data");
    ContractRun run(seed, directory, &counts);
    run.Run(150);
    if (testing::Test::HasFatalFailure()) return;
  }
  for (const auto& [what, count] : counts) {
    std::printf("%-24s %llu\n", what.c_str(),
                static_cast<unsigned long long>(count));
    if (only == 0) {
      EXPECT_GT(count, 0u) << what;
    }
  }
}

// Few replicas with much data: the flushed files become the sealed ones.
TEST(StoreContractTest, LinkedSegmentsAnswerAlike) {
  std::mt19937_64 random(1);
  StorePair pair(FreshDirectory("data"), uint64_t{20} << 20);
  const ReplicaSpec specs[] = {SpecOfGroup(1), SpecOfGroup(2)};
  const auto numbers = pair.CreateReplicas(specs);
  std::vector<Log> logs;
  for (size_t i = 0; i < 2; ++i) {
    logs.emplace_back(LogScript(numbers[i], specs[i]));
    logs.back().history.push_back(logs.back().script.position());
  }
  for (int round = 0; round < 4000; ++round) {
    if (pair.rocks().stats().sealed_segments >= 2) break;
    Log& log = logs[random() % 2];
    GroupWrite write = log.script.Empty();
    if (round % 9 == 8 && log.history.size() > 1) {
      log.history.resize(log.history.size() -
                         random() % std::min<size_t>(log.history.size(), 30));
      const ReplicaPosition before = log.history.back();
      write = log.script.TruncateFrom(before.last.index.Next(), before);
      log.script.set_term(log.script.term().Next());
    }
    for (int i = 0; i < 10; ++i) {
      write.entries.push_back(log.script.Records(
          std::string(50'000 + random() % 50'000, static_cast<char>(random())),
          3));
      log.history.push_back(log.script.position());
    }
    pair.Commit({&write, 1});
    ASSERT_NO_FATAL_FAILURE(pair.CompareReads(numbers[0], &random));
    ASSERT_NO_FATAL_FAILURE(pair.CompareReads(numbers[1], &random));
  }
  EXPECT_GT(pair.FoldersOfSeveralFiles(), 0u);
  for (int opened = 0; opened < 2; ++opened) {
    for (const ReplicaNumber number : numbers) {
      ASSERT_NO_FATAL_FAILURE(pair.CompareLog(number, ReadClass::kReplay));
      ASSERT_NO_FATAL_FAILURE(pair.CompareLog(number, ReadClass::kPoint));
      for (int i = 0; i < 50; ++i) {
        ASSERT_NO_FATAL_FAILURE(pair.CompareReads(number, &random));
      }
    }
    pair.Crash();
  }
}

}  // namespace
}  // namespace kappa::storage
