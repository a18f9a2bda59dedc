// A data directory as a crash leaves it, with one of every kind of file, for
// tests that damage copies of it.
#ifndef KAPPA_TESTS_STORAGE_DAMAGE_FIXTURE_H_
#define KAPPA_TESTS_STORAGE_DAMAGE_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {

// Three replicas with entries in sealed segments, in flushed files of the
// active one, in a closed log that no flush covers yet, and in the active log.
struct WholeDirectory {
  std::string path;
  std::string old_path;  // an earlier image of it: same files, fewer cycles
  std::vector<ReplicaNumber> replicas;
  std::vector<ReplicaPosition> positions;
  uint64_t cycle = 0;         // the last one acknowledged
  std::string active_family;  // of the segment that was written to
};

RocksLogStoreOptions DamageTestOptions(const std::string& directory);

// Made once per process, never to be changed.
const WholeDirectory& TheWholeDirectory();

// The payload of the entry at `index`, as written.
std::string DamageTestPayload(ReplicaNumber replica, LogIndex index);

// Relative to the data directory.
std::vector<std::string> SealedFilesOf(const std::string& directory);
// SST files of the database; those of one family when it is named.
std::vector<std::string> SstFilesOf(const std::string& directory,
                                    const std::string& family = "");
// Logs, the active one last.
std::vector<std::string> WalsOf(const std::string& directory);
std::string ActiveWalOf(const std::string& directory);
// The one that matters: CURRENT names it.
std::string ManifestOf(const std::string& directory);
std::string OptionsFileOf(const std::string& directory);

// What a directory answers when it is opened and every entry is read.
struct Answers {
  absl::Status opened;
  // By replica, then index: whether the entry came back, byte for byte; an
  // entry that came back otherwise is a failure of the test.
  std::map<ReplicaNumber, std::map<LogIndex, absl::Status>> damaged;
  uint64_t read = 0;
  OpenReport report;
};
Answers Ask(const std::string& directory);

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_DAMAGE_FIXTURE_H_
