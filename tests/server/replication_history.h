// ReplicationHistory: writers of a ReplicaCluster that remember what they were
// told, and whether the logs bear it out.
#ifndef KAPPA_TESTS_SERVER_REPLICATION_HISTORY_H_
#define KAPPA_TESTS_SERVER_REPLICATION_HISTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/replica_cluster.h"

namespace kappa::server {

// Named producers repeat a batch until it is acknowledged; plain appends are
// made once.
class ReplicationHistory {
 public:
  static constexpr size_t kProducers = 3;

  explicit ReplicationHistory(ReplicaCluster* cluster);

  // Some requests, to whoever is thought to lead or to anyone.
  void Request();
  // Compares all stored logs with each other and with what was told. Requires:
  // the cluster is settled. Empty: all is well.
  std::string Check();

  uint64_t acknowledged() const { return acknowledged_.size(); }
  uint64_t refused() const { return absent_.size(); }
  uint64_t unknown() const { return unknown_; }

 private:
  struct Producer {
    std::string id;
    uint64_t sequence = 1;
    bool waits = false;
  };

  std::optional<size_t> Target();
  void Produce(Producer* producer);
  void AppendPlain();
  void Note(const std::string& value, const absl::Status& status);
  static std::string ValueOf(const Producer& producer);
  std::string CheckSame();
  std::string CheckValues(const std::vector<storage::StoredEntry>& log);
  std::string CheckProducers(const std::vector<storage::StoredEntry>& log);

  ReplicaCluster* const cluster_;
  std::vector<Producer> producers_;
  uint64_t plain_ = 0;
  uint64_t unknown_ = 0;
  std::map<std::string, uint64_t> acknowledged_;  // value: offset
  std::vector<std::string> absent_;  // plain values that were surely refused
  std::string unexpected_;
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_REPLICATION_HISTORY_H_
