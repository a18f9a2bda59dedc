// Identity: which cluster, node and disk a data directory is.
#ifndef KAPPA_SERVER_IDENTITY_H_
#define KAPPA_SERVER_IDENTITY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "server/node_directory.h"

namespace kappa::server {

struct Identity {
  Uuid cluster_id{};
  NodeId node_id;
  Uuid disk_id{};
  // The cluster id is committed in the metadata group: from now on a directory
  // without one is a directory that forgot.
  bool formed = false;
  // The nodes that formed the cluster, by id; empty: this one alone.
  std::vector<NodeInfo> founders = {};
  // Of its replicas: which disk of the node this is, counted.
  Incarnation incarnation = Incarnation(1);

  // A node of its own cluster, with random ids.
  static Identity OfNewCluster();
  friend bool operator==(const Identity&, const Identity&) = default;
};

// Reads DIR/identity; nullopt when there is none.
// Errors: DATA_LOSS: it is damaged; UNAVAILABLE: it cannot be read.
absl::StatusOr<std::optional<Identity>> ReadIdentity(
    const std::string& data_dir);

// Writes DIR/identity, replacing the file in one step; durable on return.
// Errors: UNAVAILABLE: the file system refuses.
absl::Status WriteIdentity(const std::string& data_dir,
                           const Identity& identity);

// The disk id of a directory that has no identity yet: drawn and written to
// DIR/identity.new by the first call, durable on return. WriteIdentity removes
// that file. Node 0: which one is not known yet. Errors: FAILED_PRECONDITION:
// the directory is another node's; DATA_LOSS: the file is damaged; UNAVAILABLE:
// the file system refuses.
absl::StatusOr<Uuid> ReserveDiskId(const std::string& data_dir, NodeId node);

// The node that a disk id was reserved for; 0: it is not known, or none was.
// Errors: as ReadIdentity.
absl::StatusOr<NodeId> ReservedNode(const std::string& data_dir);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_IDENTITY_H_
