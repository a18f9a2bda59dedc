// Nodes as the metadata group stores them, and how one is registered.
#ifndef KAPPA_SERVER_NODE_ROWS_H_
#define KAPPA_SERVER_NODE_ROWS_H_

#include <vector>

#include "absl/status/status.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "server/node_directory.h"

namespace kappa::server {

storage::v1::NodeDisk NodeRowOf(const NodeInfo& node);
NodeInfo NodeOf(const storage::v1::NodeDisk& row);
// Ordered as the row is: by id.
std::vector<NodeInfo> NodesOf(const storage::v1::ClusterRow& row);

// What registering a node leads to.
struct NodeChange {
  absl::Status status;    // refused: nothing changes
  bool changed = false;   // false: it is known as it is
  bool replaced = false;  // the node of that id has another disk now
  NodeInfo node;          // as it is known afterwards, its id included
};

// Adds `node` to `row`, or changes its addresses and rack there. A node without
// an id (0) is the one of its disk, or gets the next id.
// `replaces`: it takes the place of the node that has its id on another disk,
// as the next incarnation. Errors (in status): FAILED_PRECONDITION: the id is
// that of another disk, or the disk that of another id; INVALID_ARGUMENT: the
// disk id has not 16 bytes.
NodeChange RegisterNode(const storage::v1::NodeDisk& node, bool replaces,
                        storage::v1::ClusterRow* row);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NODE_ROWS_H_
