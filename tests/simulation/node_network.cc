// Node: what it says to others and hears from them.
#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "kappa/raft/v1/greeting.pb.h"
#include "tests/simulation/node.h"

namespace kappa::simulation {
namespace {

using raft::MessageType;

std::string BytesOf(const Uuid& id) {
  return std::string(reinterpret_cast<const char*>(id.data()), id.size());
}

Uuid UuidOf(const std::string& bytes) {
  Uuid id{};
  if (bytes.size() == id.size()) {
    std::memcpy(id.data(), bytes.data(), id.size());
  }
  return id;
}

bool CarriesOldEntries(MessageType type) {
  return type == MessageType::kBaseRequest ||
         type == MessageType::kFetchResponse;
}

}  // namespace

void Node::Send(uint32_t group, raft::Message* message) {
  const size_t to = message->to.node.value() - 1;
  GroupState& state = world_.groups[group];
  state.checker.OnSend(*message, DurableLog(group));
  // Another incarnation of the own replica is nobody.
  if (to == index_) return;
  world_.Trace(static_cast<uint64_t>(message->type));
  LogMessage("says", *message);
  if (peers_[to].open_id == 0 || !AddContents(group, message)) return;
  if (CarriesOldEntries(message->type)) state.OnCatchUp(world_.now_us());
  message->generation = raft::Generation{open_id_, disk_.durable().cycle};
  const SimulatedNetwork::Arrivals arrivals = world_.network.Send(
      index_, to, world_.now_us(), world_.SituationsOf(group), &world_.counts);
  for (size_t i = 0; i < arrivals.count; ++i) {
    const uint32_t number = world_.network.Hold();
    Packet& packet = world_.network.packet(number);
    packet.from = static_cast<uint8_t>(index_);
    packet.to = static_cast<uint8_t>(to);
    packet.greeting = false;
    packet.group = group;
    world_.encoder.Encode(*message, contents_, state_bytes_, &packet.bytes);
    ++world_.counts.messages;
    world_.queue.Add(arrivals.at_us[i], EventKind::kDelivery, packet.to, 0,
                     number);
  }
}

void Node::LogMessage(const char* way, const raft::Message& message) const {
  if (!world_.options.verbose) return;
  static constexpr const char* kTypes[] = {
      "pre-vote?", "pre-vote", "vote?",  "vote",   "append?", "append",
      "read?",     "read",     "now",    "base?",  "base",    "fetch?",
      "fetch",     "repair?",  "repair", "leader?"};
  std::string text = absl::StrCat(
      "group ", message.group.value() - 1, " node ", index_ + 1, " ", way, " ",
      kTypes[static_cast<size_t>(message.type)], " ", message.from.node.value(),
      ".", message.from.incarnation.value(), " -> ", message.to.node.value(),
      ".", message.to.incarnation.value(), " term ", message.term.value(),
      " previous ", message.previous.term.value(), "/",
      message.previous.index.value(), " +", message.entries.size(),
      " committed ", message.committed.value(), " last ",
      message.last.term.value(), "/", message.last.index.value());
  absl::StrAppend(&text, message.granted ? " granted" : "", " match ",
                  message.match.value(), " beat ", message.beat, " round ",
                  message.read_round, message.quiesce ? " quiesce" : "",
                  message.full ? " full" : "",
                  message.transfer ? " transfer" : "");
  if (message.donor) {
    absl::StrAppend(&text, " donor ", message.donor->node.value());
  }
  if (message.doubted.index != LogIndex(0)) {
    absl::StrAppend(&text, " doubted ", message.doubted.index.value(),
                    " holding ", static_cast<int>(message.holding));
  }
  world_.Log(text);
}

// Reads what the core does not know from the log. False: nothing is left that
// could be sent.
bool Node::AddContents(uint32_t group, raft::Message* message) {
  content_numbers_.clear();
  contents_.clear();
  state_bytes_.clear();
  if (message->chunk != nullptr) {
    state_bytes_ = StateOf(message->chunk->base, message->chunk->offset,
                           message->chunk->bytes);
  }
  if (message->entries.empty()) return true;
  const ReplicaLog& log = WrittenLog(group);
  size_t readable = 0;
  for (raft::EntryMeta& entry : message->entries) {
    const LogEntry* stored = log.Find(entry.id.index);
    // Trimmed or truncated since.
    if (stored == nullptr || stored->term != entry.id.term) break;
    if (log.IsDamaged(entry.id.index)) {
      ReportDamage(group, entry.id.index);
      if (!world_.IsMutant(OwnerMutant::kDamagedLeftOut)) break;
      continue;
    }
    raft::EntryMeta& sent = message->entries[readable++];
    sent.id = raft::EntryId{stored->term, entry.id.index};
    sent.kind = stored->kind;
    sent.record_count = stored->record_count;
    sent.payload_bytes = stored->payload_bytes;
    sent.configuration = stored->configuration;
    content_numbers_.push_back(stored->content);
  }
  message->entries.resize(readable);
  for (const uint64_t& number : content_numbers_) {
    contents_.emplace_back(reinterpret_cast<const char*>(&number),
                           sizeof(number));
  }
  if (message->type == MessageType::kRepairResponse) return readable > 0;
  return true;
}

void Node::OnPacket(const Packet& packet) {
  if (world_.network.IsCut(packet.from, index_)) return;
  if (packet.greeting) {
    if (state_ == State::kGreeting || serving()) OnGreeting(packet);
    return;
  }
  Peer& peer = peers_[packet.from];
  if (!serving() || peer.open_id == 0) return;
  const absl::Status status = world_.decoder.Decode(packet.bytes);
  if (!status.ok()) {
    world_.breach.Report(std::string(status.message()));
    return;
  }
  DecodedMessage& decoded = world_.decoder.decoded();
  // What an earlier open promised does not count any more.
  if (decoded.message.generation.open_id != peer.open_id) return;
  peer.heard_us = world_.now_us();
  disk_.RecordEvidence(packet.from, peer.disk, decoded.message.generation);
  const auto group = static_cast<uint32_t>(decoded.message.group.value() - 1);
  Replica& replica = replicas_[group];
  if (!replica.core || !AcceptContents(group, &decoded)) return;
  LogMessage("hears", decoded.message);
  replica.core->Step(decoded.message);
  replica.core->CheckInvariants();
  MarkDirty(group);
}

// Keeps the contents and names them. False: the message must not be taken.
bool Node::AcceptContents(uint32_t group, DecodedMessage* decoded) {
  raft::Message& message = decoded->message;
  for (size_t i = 0; i < message.entries.size(); ++i) {
    uint64_t number = 0;
    if (decoded->contents[i].size() != sizeof(number)) {
      world_.breach.Report("an entry's content changed on the way");
      return false;
    }
    std::memcpy(&number, decoded->contents[i].data(), sizeof(number));
    message.entries[i].handle = raft::EntryHandle(number);
  }
  if (message.type == MessageType::kFetchResponse) {
    world_.counts.entries_fetched += message.entries.size();
  }
  if (message.type == MessageType::kBaseRequest &&
      decoded->state != StateOf(message.chunk->base, message.chunk->offset,
                                message.chunk->bytes)) {
    world_.breach.Report("a base's state changed on the way");
  }
  if (message.type != MessageType::kRepairResponse || message.entries.empty()) {
    return true;
  }
  // The header of the damaged entry says what the whole must be.
  const raft::EntryMeta& entry = message.entries.front();
  const ReplicaLog& log = WrittenLog(group);
  if (log.Find(entry.id.index) == nullptr) return false;
  return log.ChainAt(entry.id.index) ==
         ChainAfter(log.ChainAt(entry.id.index.Previous()), entry.id, entry);
}

// --- greetings (RELIABILITY.md S6) ---

void Node::SendGreeting(size_t to, bool answer) {
  raft::v1::Greeting greeting;
  const PeerKnowledge& known = disk_.written().knowledge;
  greeting.set_from_node(index_ + 1);
  greeting.set_disk_id(BytesOf(disk_.written().disk_id));
  greeting.set_open_id(open_id_);
  greeting.set_answer(answer);
  if (known.disks[to] != Uuid{}) {
    greeting.set_known_disk_id(BytesOf(known.disks[to]));
    for (const raft::Generation& open :
         known.generations.EvidenceAbout(known.disks[to])) {
      raft::v1::OpenEvidence* evidence = greeting.add_evidence();
      evidence->set_open_id(open.open_id);
      evidence->set_cycle(open.cycle);
    }
  }
  if (world_.network.IsCut(index_, to)) return;
  const uint32_t number = world_.network.Hold();
  Packet& packet = world_.network.packet(number);
  packet.from = static_cast<uint8_t>(index_);
  packet.to = static_cast<uint8_t>(to);
  packet.greeting = true;
  greeting.SerializeToString(&packet.bytes);
  // A connection is made or not: its first message is never lost alone.
  world_.queue.Add(world_.network.SendSafely(index_, to, world_.now_us()),
                   EventKind::kDelivery, packet.to, 0, number);
}

bool Node::IsOwnEvidence(const raft::v1::Greeting& greeting) const {
  if (greeting.known_disk_id().empty()) return true;
  const Uuid known = UuidOf(greeting.known_disk_id());
  const DiskImage& own = disk_.durable();
  if (known != own.disk_id) {
    return std::find(own.set_aside.begin(), own.set_aside.end(), known) !=
           own.set_aside.end();
  }
  return std::all_of(
      greeting.evidence().begin(), greeting.evidence().end(),
      [&](const raft::v1::OpenEvidence& evidence) {
        return own.opens.Covers(
            raft::Generation{evidence.open_id(), evidence.cycle()},
            disk_.newest_cycle());
      });
}

void Node::OnGreeting(const Packet& packet) {
  raft::v1::Greeting greeting;
  if (!greeting.ParseFromString(packet.bytes) ||
      greeting.from_node() != packet.from + uint64_t{1}) {
    world_.breach.Report("a greeting that cannot be read");
    return;
  }
  world_.Log(absl::StrCat("node ", index_ + 1, " is greeted by node ",
                          packet.from + 1, ", evidence ",
                          IsOwnEvidence(greeting) ? "fits" : "does not fit"));
  if (!IsOwnEvidence(greeting) &&
      !world_.IsMutant(OwnerMutant::kAmnesiacVotes)) {
    SetAsideDisk();
    return;
  }
  Peer& peer = peers_[packet.from];
  peer.open_id = greeting.open_id();
  peer.disk = UuidOf(greeting.disk_id());
  peer.heard_us = world_.now_us();
  // What was known of it before stays known until it sends more: then it has
  // judged itself by that.
  if (!greeting.answer()) SendGreeting(packet.from, true);
}

}  // namespace kappa::simulation
