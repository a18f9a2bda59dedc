// MetadataHistory: clients of a MetadataCluster that remember what they were
// told, and whether the log and the rows bear it out.
#ifndef KAPPA_TESTS_SERVER_METADATA_HISTORY_H_
#define KAPPA_TESTS_SERVER_METADATA_HISTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/server/metadata_cluster.h"

namespace kappa::server {

// Each command is made once, and can be told from all others.
class MetadataHistory {
 public:
  explicit MetadataHistory(MetadataCluster* cluster) : cluster_(cluster) {}

  // Some requests, to whoever leads or to anyone.
  void Request();
  // Compares the rows with the log and with what was told. Requires: the
  // cluster is settled. Empty: all is well.
  std::string Check();

  uint64_t done() const { return done_; }
  uint64_t refused() const { return refused_.size(); }
  uint64_t unknown() const { return unknown_; }
  uint64_t found() const { return found_; }
  // Requests without an answer.
  uint64_t waiting() const { return waiting_; }

 private:
  std::optional<size_t> Target();
  void Open();
  void Create();
  void Delete();
  void Find();
  // What became of the command that has this tag.
  void Note(const std::string& tag, const absl::Status& status);
  std::string CheckTopics(const std::vector<storage::v1::MetadataCommand>& log);

  MetadataCluster* const cluster_;
  uint64_t next_tag_ = 0;
  uint64_t waiting_ = 0;
  uint64_t done_ = 0;
  uint64_t unknown_ = 0;
  uint64_t found_ = 0;
  std::map<std::string, uint64_t> opened_;  // tag: the epoch told
  std::map<std::string, uint64_t> newest_;  // by name: the highest told
  std::set<std::string> created_;           // tags
  std::set<std::string> refused_;           // tags of what did not happen
  std::string wrong_;
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_METADATA_HISTORY_H_
