#include "server/identity.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kappa/storage/v1/identity.pb.h"
#include "proto/wire/crc32c.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

constexpr std::string_view kFileName = "/identity";
constexpr std::string_view kNewFileName = "/identity.new";
constexpr size_t kUuidBytes = 16;

absl::Status FileError(std::string_view what, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat(std::string(what), " ", path, ": ", std::strerror(errno)));
}

uint32_t CrcOf(storage::v1::NodeIdentity identity) {
  identity.clear_crc32c();
  return Crc32c(std::string_view(identity.SerializeAsString()));
}

// Writes all bytes to a new file and syncs it.
absl::Status WriteFile(const std::string& path, std::string_view bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                        S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
  if (file < 0) return FileError("create", path);
  const ssize_t written = write(file, bytes.data(), bytes.size());
  const bool whole =
      written == static_cast<ssize_t>(bytes.size()) && fsync(file) == 0;
  const absl::Status status =
      whole ? absl::OkStatus() : FileError("write", path);
  close(file);
  return status;
}

absl::Status SyncDirectory(const std::string& path) {
  const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return FileError("open", path);
  const bool synced = fsync(directory) == 0;
  const absl::Status status =
      synced ? absl::OkStatus() : FileError("sync", path);
  close(directory);
  return status;
}

// Writes DIR + `name` in one step; durable on return.
absl::Status WriteStored(const std::string& data_dir, std::string_view name,
                         storage::v1::NodeIdentity stored) {
  stored.set_crc32c(CrcOf(stored));
  const std::string path = data_dir + std::string(name);
  const std::string next = path + ".next";
  absl::Status status = WriteFile(next, stored.SerializeAsString());
  if (!status.ok()) return status;
  if (rename(next.c_str(), path.c_str()) != 0) return FileError("rename", next);
  return SyncDirectory(data_dir);
}

bool IsWhole(const storage::v1::Founder& founder) {
  return founder.node_id() != 0 && founder.disk_id().size() == kUuidBytes;
}

// Reads DIR + `name`; nullopt when there is none. Errors: as ReadIdentity.
absl::StatusOr<std::optional<storage::v1::NodeIdentity>> ReadStored(
    const std::string& data_dir, std::string_view name) {
  const std::string path = data_dir + std::string(name);
  if (access(path.c_str(), F_OK) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return FileError("find", path);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileError("open", path);
  const std::string bytes((std::istreambuf_iterator<char>(file)),
                          std::istreambuf_iterator<char>());
  storage::v1::NodeIdentity stored;
  if (!stored.ParseFromString(bytes) || stored.crc32c() != CrcOf(stored) ||
      stored.disk_id().size() != kUuidBytes ||
      !std::all_of(stored.founders().begin(), stored.founders().end(),
                   IsWhole)) {
    return absl::DataLossError(absl::StrCat(path, " is damaged"));
  }
  return stored;
}

}  // namespace

Identity Identity::OfNewCluster() {
  return {.cluster_id = RandomUuid(),
          .node_id = NodeId(1),
          .disk_id = RandomUuid(),
          .formed = false};
}

absl::StatusOr<std::optional<Identity>> ReadIdentity(
    const std::string& data_dir) {
  auto read = ReadStored(data_dir, kFileName);
  if (!read.ok()) return read.status();
  if (!read->has_value()) return std::nullopt;
  const storage::v1::NodeIdentity& stored = **read;
  if (stored.cluster_id().size() != kUuidBytes || stored.node_id() == 0) {
    return absl::DataLossError(
        absl::StrCat(data_dir, std::string(kFileName), " is damaged"));
  }
  Identity identity = {.cluster_id = UuidOf(stored.cluster_id()),
                       .node_id = NodeId(stored.node_id()),
                       .disk_id = UuidOf(stored.disk_id()),
                       .formed = stored.formed()};
  identity.incarnation =
      Incarnation(std::max<uint64_t>(1, stored.incarnation()));
  for (const storage::v1::Founder& founder : stored.founders()) {
    identity.founders.push_back({.node = NodeId(founder.node_id()),
                                 .disk_id = UuidOf(founder.disk_id()),
                                 .address = founder.address(),
                                 .client_address = founder.client_address(),
                                 .rack = founder.rack()});
  }
  return identity;
}

absl::Status WriteIdentity(const std::string& data_dir,
                           const Identity& identity) {
  storage::v1::NodeIdentity stored;
  stored.set_cluster_id(BytesOf(identity.cluster_id));
  stored.set_node_id(identity.node_id.value());
  stored.set_disk_id(BytesOf(identity.disk_id));
  stored.set_formed(identity.formed);
  if (identity.incarnation != Incarnation(1)) {
    stored.set_incarnation(identity.incarnation.value());
  }
  for (const NodeInfo& founder : identity.founders) {
    storage::v1::Founder* out = stored.add_founders();
    out->set_node_id(founder.node.value());
    out->set_disk_id(BytesOf(founder.disk_id));
    out->set_address(founder.address);
    out->set_client_address(founder.client_address);
    out->set_rack(founder.rack);
  }
  absl::Status status = WriteStored(data_dir, kFileName, std::move(stored));
  // What is left of it does no harm.
  if (status.ok()) unlink((data_dir + std::string(kNewFileName)).c_str());
  return status;
}

absl::StatusOr<Uuid> ReserveDiskId(const std::string& data_dir, NodeId node) {
  auto read = ReadStored(data_dir, kNewFileName);
  if (!read.ok()) return read.status();
  if (read->has_value()) {
    const uint64_t former = (*read)->node_id();
    if (former == 0 || node.value() == 0 || former == node.value()) {
      return UuidOf((*read)->disk_id());
    }
    return absl::FailedPreconditionError(absl::StrCat(
        data_dir, " belongs to node ", former,
        ", which has no cluster yet, and this is node ", node.value()));
  }
  const Uuid disk_id = RandomUuid();
  storage::v1::NodeIdentity stored;
  stored.set_node_id(node.value());
  stored.set_disk_id(BytesOf(disk_id));
  const absl::Status written =
      WriteStored(data_dir, kNewFileName, std::move(stored));
  if (!written.ok()) return written;
  return disk_id;
}

absl::StatusOr<NodeId> ReservedNode(const std::string& data_dir) {
  auto read = ReadStored(data_dir, kNewFileName);
  if (!read.ok()) return read.status();
  return read->has_value() ? NodeId((*read)->node_id()) : NodeId(0);
}

}  // namespace kappa::server
