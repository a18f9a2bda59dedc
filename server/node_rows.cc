#include "server/node_rows.h"

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

using storage::v1::ClusterRow;
using storage::v1::NodeDisk;

std::string Hex(const std::string& disk_id) {
  return absl::BytesToHexString(disk_id);
}

// Whether the two may be the same node.
absl::Status CheckSameNode(const NodeDisk& known, const NodeDisk& node,
                           bool replaces) {
  if (!replaces && known.node_id() == node.node_id() &&
      known.disk_id() != node.disk_id()) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", node.node_id(), " has disk ",
                     Hex(known.disk_id()), ": another one with disk ",
                     Hex(node.disk_id()), " cannot take its id"));
  }
  if (known.disk_id() == node.disk_id() && known.node_id() != node.node_id()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "disk ", Hex(node.disk_id()), " is that of node ", known.node_id(),
        ": it cannot be node ", node.node_id(), " as well"));
  }
  return absl::OkStatus();
}

uint64_t IdFor(const NodeDisk& node, const ClusterRow& row) {
  if (node.node_id() != 0) return node.node_id();
  for (const NodeDisk& known : row.nodes()) {
    if (known.disk_id() == node.disk_id()) return known.node_id();
  }
  return row.nodes().empty() ? 1 : row.nodes().rbegin()->node_id() + 1;
}

}  // namespace

NodeDisk NodeRowOf(const NodeInfo& node) {
  NodeDisk row;
  row.set_node_id(node.node.value());
  row.set_disk_id(BytesOf(node.disk_id));
  row.set_address(node.address);
  row.set_client_address(node.client_address);
  row.set_rack(node.rack);
  if (node.incarnation != Incarnation(1)) {
    row.set_incarnation(node.incarnation.value());
  }
  return row;
}

NodeInfo NodeOf(const NodeDisk& row) {
  NodeInfo node;
  node.node = NodeId(row.node_id());
  node.disk_id = UuidOf(row.disk_id());
  node.address = row.address();
  node.client_address = row.client_address();
  node.rack = row.rack();
  node.incarnation = Incarnation(std::max<uint64_t>(1, row.incarnation()));
  return node;
}

std::vector<NodeInfo> NodesOf(const ClusterRow& row) {
  std::vector<NodeInfo> nodes;
  for (const NodeDisk& node : row.nodes()) nodes.push_back(NodeOf(node));
  return nodes;
}

NodeChange RegisterNode(const NodeDisk& node, bool replaces, ClusterRow* row) {
  NodeChange change;
  NodeDisk wanted = node;
  wanted.clear_incarnation();
  if (wanted.disk_id().size() != Uuid().size()) {
    change.status = absl::InvalidArgumentError(absl::StrCat(
        "disk_id has ", wanted.disk_id().size(), " bytes, not 16"));
    return change;
  }
  wanted.set_node_id(IdFor(node, *row));
  change.node = NodeOf(wanted);
  for (const NodeDisk& known : row->nodes()) {
    change.status = CheckSameNode(known, wanted, replaces);
    if (!change.status.ok()) return change;
  }
  auto* const nodes = row->mutable_nodes();
  const auto place =
      std::find_if(nodes->begin(), nodes->end(), [&](const NodeDisk& known) {
        return known.node_id() == wanted.node_id();
      });
  if (place == nodes->end()) {
    *nodes->Add() = std::move(wanted);
    std::sort(nodes->begin(), nodes->end(),
              [](const NodeDisk& a, const NodeDisk& b) {
                return a.node_id() < b.node_id();
              });
    change.changed = true;
    return change;
  }
  change.replaced = place->disk_id() != wanted.disk_id();
  const Incarnation incarnation = NodeOf(*place).incarnation;
  change.node.incarnation = change.replaced ? incarnation.Next() : incarnation;
  if (NodeOf(*place) != change.node) {
    *place = NodeRowOf(change.node);
    change.changed = true;
  }
  return change;
}

}  // namespace kappa::server
