// What all rows of the family `meta` have in common: a format version, fields
// of fixed width (little endian) one after the other, and a CRC32C.
//
//   RowWriter row;                      RowReader row(bytes);
//   row.Number(n);                      n = row.Number();
//   value = std::move(row).Finish();    if (!row.Finish()) return Damaged();
#ifndef KAPPA_STORAGE_ROW_FORMAT_H_
#define KAPPA_STORAGE_ROW_FORMAT_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "proto/wire/crc32c.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "storage/fixed_width.h"

namespace kappa::storage {

inline constexpr uint8_t kRowFormatVersion = 1;
// Rows with a configuration that has more than voters, outgoing voters and
// learners, or with state behind a base.
inline constexpr uint8_t kRowFormatVersionExtended = 2;

// The oldest format that can hold `configuration`.
inline uint8_t RowFormatFor(const raft::Configuration& configuration) {
  const bool extended = !configuration.learners_next.empty() ||
                        !configuration.promoting.empty() ||
                        configuration.auto_leave;
  return extended ? kRowFormatVersionExtended : kRowFormatVersion;
}

// Thread safety: thread-compatible.
class RowWriter {
 public:
  explicit RowWriter(uint8_t version = kRowFormatVersion) : version_(version) {
    Byte(version_);
  }

  bool extended() const { return version_ == kRowFormatVersionExtended; }
  void Byte(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void Number(uint64_t value) { AppendLittleEndian(value, &out_); }
  void Number32(uint32_t value) { AppendLittleEndian(value, &out_); }
  void DigestField(const Digest& value) {
    out_.append(value.begin(), value.end());
  }
  // A length and as many bytes.
  void Bytes(std::string_view value) {
    Number32(static_cast<uint32_t>(value.size()));
    out_.append(value);
  }
  void Replica(const ReplicaId& id) {
    Number(id.node.value());
    Number(id.incarnation.value());
  }
  void Replicas(const std::vector<ReplicaId>& ids) {
    Number32(static_cast<uint32_t>(ids.size()));
    for (const ReplicaId& id : ids) Replica(id);
  }
  // Requires: the row's version is at least RowFormatFor(configuration).
  void Configuration(const raft::Configuration& configuration) {
    Replicas(configuration.voters);
    Replicas(configuration.outgoing_voters);
    Replicas(configuration.learners);
    if (!extended()) return;
    Replicas(configuration.learners_next);
    Replicas(configuration.promoting);
    Byte(configuration.auto_leave ? 1 : 0);
  }

  // The whole row.
  std::string Finish() && {
    AppendLittleEndian(Crc32c(out_), &out_);
    return std::move(out_);
  }

 private:
  uint8_t version_;
  std::string out_;
};

// Reads what RowWriter wrote. Past the end, or in a row that is damaged, every
// field reads as zero and Finish() is false.
//
// Thread safety: thread-compatible. Borrows the bytes.
class RowReader {
 public:
  explicit RowReader(std::string_view row) {
    if (row.size() < 1 + sizeof(uint32_t)) return;
    const size_t body = row.size() - sizeof(uint32_t);
    if (LoadLittleEndian<uint32_t>(row.data() + body) !=
        Crc32c(row.substr(0, body))) {
      return;
    }
    rest_ = row.substr(0, body);
    good_ = true;
    version_ = Byte();
    good_ =
        version_ == kRowFormatVersion || version_ == kRowFormatVersionExtended;
    if (!good_) rest_ = {};
  }

  bool extended() const { return version_ == kRowFormatVersionExtended; }

  uint8_t Byte() { return Fixed<uint8_t>(); }
  uint64_t Number() { return Fixed<uint64_t>(); }
  uint32_t Number32() { return Fixed<uint32_t>(); }
  Digest DigestField() {
    Digest digest{};
    const std::string_view bytes = Take(digest.size());
    if (!bytes.empty()) std::memcpy(digest.data(), bytes.data(), bytes.size());
    return digest;
  }
  std::string_view Bytes() { return Take(Number32()); }
  ReplicaId Replica() {
    ReplicaId id;
    id.node = NodeId(Number());
    id.incarnation = Incarnation(Number());
    return id;
  }
  std::vector<ReplicaId> Replicas() {
    std::vector<ReplicaId> ids;
    const uint32_t count = Number32();
    for (uint32_t i = 0; i < count && good_; ++i) ids.push_back(Replica());
    return ids;
  }
  raft::Configuration Configuration() {
    raft::Configuration configuration;
    configuration.voters = Replicas();
    configuration.outgoing_voters = Replicas();
    configuration.learners = Replicas();
    if (!extended()) return configuration;
    configuration.learners_next = Replicas();
    configuration.promoting = Replicas();
    configuration.auto_leave = Byte() != 0;
    return configuration;
  }

  // Whether all fields so far were there; ends loops over a count.
  bool good() const { return good_; }
  // Whether there are more fields: a row may end before those it rarely has.
  bool more() const { return good_ && !rest_.empty(); }
  // Whether the row was whole and nothing is left.
  bool Finish() const { return good_ && rest_.empty(); }

 private:
  template <typename T>
  T Fixed() {
    const std::string_view bytes = Take(sizeof(T));
    return bytes.empty() ? T{0} : LoadLittleEndian<T>(bytes.data());
  }
  std::string_view Take(size_t bytes) {
    if (bytes > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view rest_;
  uint8_t version_ = 0;
  bool good_ = false;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ROW_FORMAT_H_
