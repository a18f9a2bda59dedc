#include "tests/storage/damage_fixture.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"
#include "rocksdb/table_properties.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kReplicas = 3;
constexpr size_t kPayloadBytes = 3000;

void Append(RocksLogStore* store, std::vector<LogScript>* logs, int entries) {
  for (int i = 0; i < entries; ++i) {
    std::vector<GroupWrite> writes;
    for (LogScript& log : *logs) {
      GroupWrite write = log.Empty();
      const LogIndex index = log.last().Next();
      write.entries.push_back(
          log.Records(DamageTestPayload(log.replica(), index), 2));
      writes.push_back(std::move(write));
    }
    ASSERT_TRUE(store->Commit(writes).ok());
  }
}

// Waits for seals, which another thread makes and a cycle records.
void AppendUntilSealed(RocksLogStore* store, std::vector<LogScript>* logs,
                       uint64_t segments) {
  while (store->stats().sealed_segments < segments) {
    Append(store, logs, 1);
    if (testing::Test::HasFatalFailure()) return;
  }
}

std::vector<std::string> Below(const std::string& directory,
                               const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& at :
       fs::recursive_directory_iterator(directory + "/" + folder)) {
    if (at.path().extension() == ".sst") {
      files.push_back(fs::relative(at.path(), directory).generic_string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Slow, so that a flush takes longer than a copy.
RocksLogStoreOptions SlowFlushOptions(const std::string& directory) {
  RocksLogStoreOptions options = DamageTestOptions(directory);
  options.segment_bytes = size_t{64} << 20;
  options.background_bytes_per_second = size_t{1} << 20;
  return options;
}

// A copy while one log is closed and its flush still runs: nobody writes to the
// store, and the manifest has not changed meanwhile.
bool CopyDuringFlush(const std::string& live, const std::string& to) {
  const std::string before = ReadAll(ManifestOf(live));
  if (WalsOf(live).size() != 2) return false;
  std::error_code error;
  fs::remove_all(to);
  fs::copy(live, to, fs::copy_options::recursive, error);
  return !error && ReadAll(ManifestOf(live)) == before;
}

// The segment family with most bytes in files.
std::string LargestFamilyOf(const std::string& directory) {
  std::map<std::string, uint64_t> bytes;
  for (int segment = 1; segment < 20; ++segment) {
    const std::string family = "segment-" + std::to_string(segment);
    for (const std::string& file : SstFilesOf(directory, family)) {
      bytes[family] += fs::file_size(directory + "/" + file);
    }
  }
  EXPECT_FALSE(bytes.empty());
  return std::max_element(
             bytes.begin(), bytes.end(),
             [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

WholeDirectory Make() {
  WholeDirectory whole;
  const std::string root = std::getenv("TEST_TMPDIR");
  const std::string live = root + "/whole-live";
  whole.path = root + "/whole";
  whole.old_path = root + "/whole-old";
  std::vector<LogScript> logs;
  std::vector<ReplicaSpec> specs;
  for (int i = 1; i <= kReplicas; ++i) specs.push_back(SpecOfGroup(i));
  auto store = RocksLogStore::Open(DamageTestOptions(live));
  EXPECT_TRUE(store.ok()) << store.status();
  whole.replicas = *(*store)->CreateReplicas(specs);
  for (int i = 0; i < kReplicas; ++i) {
    logs.emplace_back(whole.replicas[i], specs[i]);
  }
  AppendUntilSealed(store->get(), &logs, 2);
  Append(store->get(), &logs, 20);
  bool copied = false;
  while (!copied && !testing::Test::HasFatalFailure()) {
    // An open flushes everything: live files with entries in them.
    store->reset();
    EXPECT_TRUE(RocksLogStore::Open(DamageTestOptions(live)).ok());
    store = RocksLogStore::Open(SlowFlushOptions(live));
    EXPECT_TRUE(store.ok()) << store.status();
    while (WalsOf(live).size() < 2) Append(store->get(), &logs, 1);
    Append(store->get(), &logs, 15);
    copied = CopyDuringFlush(live, whole.old_path);
    Append(store->get(), &logs, 15);
    copied = copied && CopyDuringFlush(live, whole.path);
  }
  for (const LogScript& log : logs) whole.positions.push_back(log.position());
  whole.cycle = (*store)->generation().cycle;
  EXPECT_FALSE(SealedFilesOf(whole.path).empty());
  whole.active_family = LargestFamilyOf(whole.path);
  return whole;
}

}  // namespace

RocksLogStoreOptions DamageTestOptions(const std::string& directory) {
  RocksLogStoreOptions options;
  options.directory = directory;
  options.segment_bytes = kSegmentBytesMin;
  options.memtable_bytes = size_t{8} << 20;
  options.block_cache_bytes = size_t{1} << 20;
  return options;
}

const WholeDirectory& TheWholeDirectory() {
  static const WholeDirectory* const whole = new WholeDirectory(Make());
  return *whole;
}

std::string DamageTestPayload(ReplicaNumber replica, LogIndex index) {
  // Differs everywhere, so that no block looks like another one.
  std::string payload;
  uint64_t state = replica.value() << 32 | index.value();
  while (payload.size() < kPayloadBytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    payload.push_back(static_cast<char>(state >> 56));
  }
  return payload;
}

std::vector<std::string> SealedFilesOf(const std::string& directory) {
  return Below(directory, "sealed");
}

std::vector<std::string> SstFilesOf(const std::string& directory,
                                    const std::string& family) {
  std::vector<std::string> files = Below(directory, "db");
  if (family.empty()) return files;
  std::erase_if(files, [&](const std::string& file) {
    rocksdb::SstFileReader reader((rocksdb::Options()));
    return !reader.Open(directory + "/" + file).ok() ||
           reader.GetTableProperties()->column_family_name != family;
  });
  return files;
}

std::vector<std::string> WalsOf(const std::string& directory) {
  std::vector<std::string> wals = FilesIn(directory + "/db", ".log");
  std::erase_if(wals, [](const std::string& wal) {
    std::error_code gone;
    return fs::file_size(wal, gone) == 0 || gone;
  });
  return wals;
}

std::string ActiveWalOf(const std::string& directory) {
  return WalsOf(directory).back();
}

std::string ManifestOf(const std::string& directory) {
  std::string name = ReadAll(directory + "/db/CURRENT");
  name.pop_back();
  return directory + "/db/" + name;
}

std::string OptionsFileOf(const std::string& directory) {
  std::string newest;
  for (const std::string& file : FilesIn(directory + "/db", "")) {
    if (fs::path(file).filename().string().starts_with("OPTIONS-")) {
      newest = file;
    }
  }
  return newest;
}

Answers Ask(const std::string& directory) {
  Answers answers;
  auto store = RocksLogStore::Open(DamageTestOptions(directory));
  answers.opened = store.status();
  if (!store.ok()) return answers;
  answers.report = (*store)->open_report();
  const WholeDirectory& whole = TheWholeDirectory();
  for (size_t i = 0; i < whole.replicas.size(); ++i) {
    const ReplicaNumber replica = whole.replicas[i];
    const LogIndex last = whole.positions[i].last.index;
    for (LogIndex index(1); index <= last;) {
      const auto entries = (*store)->Read(replica, index, last, size_t{1} << 20,
                                          ReadClass::kReplay);
      if (!entries.ok() || entries->empty()) {
        EXPECT_TRUE(absl::IsDataLoss(entries.status()))
            << "replica " << replica.value() << ", index " << index.value()
            << " is silently gone: " << entries.status();
        answers.damaged[replica][index] = entries.status();
        index = index.Next();
        continue;
      }
      for (const StoredEntry& entry : *entries) {
        EXPECT_EQ(entry.header.index, index);
        EXPECT_EQ(entry.payload.ToString(), DamageTestPayload(replica, index))
            << "replica " << replica.value() << ", index " << index.value();
        ++answers.read;
        index = index.Next();
      }
    }
  }
  return answers;
}

}  // namespace kappa::storage
