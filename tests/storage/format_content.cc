#include "tests/storage/format_content.h"

#include <string>
#include <vector>

#include "proto/wire/check.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

// `text` over and over, exactly `bytes` long.
std::string Repeated(const std::string& text, size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += text;
  out.resize(bytes);
  return out;
}

void Commit(LogStore* store, const GroupWrite& write) {
  KAPPA_CHECK(store->Commit({&write, 1}).ok(), "the content must be written");
}

void WriteLargeBatches(LogStore* store, LogScript* script) {
  for (int i = 1; i <= 40; ++i) {
    GroupWrite write = script->Empty();
    write.entries.push_back(
        script->Records(Repeated("g1 e" + std::to_string(i) + " ", 30'000), 3));
    write.hard_state =
        raft::HardState{Term(4), ReplicaId{NodeId(1), Incarnation(1)}};
    Commit(store, write);
  }
}

void WriteProducer(LogStore* store, LogScript* script) {
  ProducerStamp stamp;
  stamp.id.fill(0xaa);
  stamp.epoch = 1;
  ReplicaPosition seventh;
  for (int i = 1; i <= 10; ++i) {
    if (i == 8) seventh = script->position();
    stamp.sequence = static_cast<uint64_t>(i);
    GroupWrite write = script->Empty();
    write.entries.push_back(
        script->Records(Repeated("g2 e" + std::to_string(i) + " ", 500), 2,
                        stamp, "lsn " + std::to_string(i)));
    write.side_rows.push_back({SideTable::kProducers, "producer row",
                               "through " + std::to_string(i)});
    Commit(store, write);
  }
  GroupWrite write = script->TruncateFrom(LogIndex(8), seventh);
  script->set_term(Term(2));
  stamp.epoch = 2;
  write.entries.push_back(script->Control(stamp));
  stamp.sequence = 8;
  write.entries.push_back(script->Records("g2 again", 1, stamp, ""));
  write.side_rows.push_back({SideTable::kMetadata, "metadata row", "one"});
  write.side_rows.push_back({SideTable::kMetadata, "deleted row", "two"});
  write.side_rows.push_back(
      {SideTable::kMetadata, "deleted row", std::nullopt});
  Commit(store, write);
}

void WriteOnABase(LogStore* store, LogScript* script) {
  GroupWrite lost = script->Empty();
  lost.entries.push_back(script->Records("lost with the base"));
  Commit(store, lost);
  GroupBase base = script->position().base;
  base.id = {Term(3), LogIndex(100)};
  base.offset = Offset(1000);
  base.append_time_us = 5000;
  base.chain.fill(0x33);
  GroupWrite write = script->InstallBase(base);
  script->set_term(Term(3));
  for (int i = 1; i <= 5; ++i) {
    write.entries.push_back(script->Records("g3 e" + std::to_string(i)));
  }
  Commit(store, write);
}

}  // namespace

void WriteFormatContent(LogStore* store) {
  std::vector<ReplicaSpec> specs;
  for (uint64_t group = 1; group <= 4; ++group) {
    specs.push_back(SpecOfGroup(group));
  }
  const auto numbers = store->CreateReplicas(specs);
  KAPPA_CHECK(numbers.ok(), "the content must be written");
  std::vector<LogScript> scripts;
  for (size_t i = 0; i < specs.size(); ++i) {
    scripts.emplace_back((*numbers)[i], specs[i]);
    scripts.back().set_time_step_us(10);
  }
  GroupWrite write = scripts[3].Empty();
  write.entries.push_back(scripts[3].Records("to be dropped"));
  Commit(store, write);
  WriteProducer(store, &scripts[1]);
  WriteLargeBatches(store, &scripts[0]);
  WriteOnABase(store, &scripts[2]);
  const ReplicaNumber dropped = (*numbers)[3];
  KAPPA_CHECK(store->DropReplicas({&dropped, 1}).ok(),
              "the content must be written");
}

}  // namespace kappa::storage
