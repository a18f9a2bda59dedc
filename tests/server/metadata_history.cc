#include "tests/server/metadata_history.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/metadata_rows.h"
#include "tests/server/node_driver.h"

namespace kappa::server {
namespace {

using storage::v1::MetadataCommand;

constexpr uint64_t kNames = 4;

// 16 bytes.
std::string TagOf(uint64_t number) {
  const std::string digits = absl::StrCat(number);
  return std::string(16 - digits.size(), '#') + digits;
}

std::string TagOf(const MetadataCommand& command) {
  return command.has_open_producer() ? command.open_producer().new_id()
                                     : command.create_topic().topic().uuid();
}

}  // namespace

std::optional<size_t> MetadataHistory::Target() {
  const size_t any = cluster_->Below(MetadataCluster::kNodes);
  const size_t node =
      cluster_->Below(4) > 0 ? cluster_->Leader().value_or(any) : any;
  if (!cluster_->up(node)) return std::nullopt;
  return node;
}

void MetadataHistory::Note(const std::string& tag, const absl::Status& status) {
  --waiting_;
  if (status.ok()) {
    ++done_;
    return;
  }
  const std::string reason = ReasonOf(status);
  if (reason == "OUTCOME_UNKNOWN") {
    ++unknown_;
  } else if (reason == "NOT_LEADER" || reason == "OVERLOADED" ||
             reason == "SHUTTING_DOWN") {
    if (!tag.empty()) refused_.insert(tag);
  } else {
    absl::StrAppend(&wrong_, tag, ": ", status.ToString(), "\n");
  }
}

void MetadataHistory::Open() {
  const std::optional<size_t> node = Target();
  if (!node.has_value()) return;
  const std::string tag = TagOf(++next_tag_);
  const std::string name = absl::StrCat("producer", cluster_->Below(kNames));
  ++waiting_;
  MetadataCommand command;
  command.mutable_open_producer()->set_name(name);
  command.mutable_open_producer()->set_new_id(tag);
  cluster_->Execute(*node, std::move(command),
                    [this, tag, name](absl::StatusOr<CommandOutcome> outcome) {
                      Note(tag, outcome.status());
                      if (!outcome.ok()) return;
                      opened_[tag] = outcome->producer.epoch;
                      newest_[name] =
                          std::max(newest_[name], outcome->producer.epoch);
                    });
}

void MetadataHistory::Create() {
  const std::optional<size_t> node = Target();
  if (!node.has_value()) return;
  const std::string tag = TagOf(++next_tag_);
  ++waiting_;
  MetadataCommand command;
  v1::Topic* topic = command.mutable_create_topic()->mutable_topic();
  topic->set_name(absl::StrCat("topic", cluster_->Below(kNames)));
  topic->set_partitions(1 + static_cast<uint32_t>(cluster_->Below(3)));
  topic->set_replicas(static_cast<uint32_t>(cluster_->Below(6)));
  topic->set_uuid(tag);
  cluster_->Execute(*node, std::move(command),
                    [this, tag](absl::StatusOr<CommandOutcome> outcome) {
                      Note(tag, outcome.status());
                      // Else it was there before.
                      if (outcome.ok() && outcome->topic.status.ok() &&
                          outcome->topic.changed) {
                        created_.insert(tag);
                      }
                    });
}

void MetadataHistory::Delete() {
  const std::optional<size_t> node = Target();
  if (!node.has_value()) return;
  ++waiting_;
  MetadataCommand command;
  command.mutable_delete_topic()->mutable_request()->set_name(
      absl::StrCat("topic", cluster_->Below(kNames)));
  cluster_->Execute(*node, std::move(command),
                    [this](absl::StatusOr<CommandOutcome> outcome) {
                      Note("", outcome.status());
                    });
}

void MetadataHistory::Find() {
  const std::optional<size_t> node = Target();
  if (!node.has_value()) return;
  const std::string name = absl::StrCat("producer", cluster_->Below(kNames));
  const uint64_t newest = newest_[name];
  ++waiting_;
  cluster_->With(*node, [&](MetadataGroup& group) {
    group.AfterReadPoint([this, &group, name,
                          newest](const absl::Status& status) {
      if (!status.ok()) return Note("", status);
      group.FindProducer(
          name, [this, name,
                 newest](absl::StatusOr<std::optional<NamedProducer>> found) {
            if (!found.ok()) return Note("", found.status());
            ++found_;
            --waiting_;
            const uint64_t epoch = found->has_value() ? (*found)->epoch : 0;
            if (epoch >= newest) return;
            absl::StrAppend(&wrong_, name, " was found at epoch ", epoch,
                            " after ", newest, " was told\n");
          });
    });
  });
}

void MetadataHistory::Request() {
  for (uint64_t i = cluster_->Below(4); i > 0; --i) Open();
  if (cluster_->Below(2) == 0) Create();
  if (cluster_->Below(4) == 0) Delete();
  if (cluster_->Below(2) == 0) Find();
}

// --- what must hold ---

std::string MetadataHistory::Check() {
  std::string wrong = cluster_->wrong + wrong_;
  const MetadataCluster::Rows rows = cluster_->RowsOf(0);
  for (size_t node = 1; node < MetadataCluster::kNodes; ++node) {
    if (cluster_->RowsOf(node) == rows) continue;
    absl::StrAppend(&wrong, "node ", node, " ends with other rows\n");
  }
  const std::vector<MetadataCommand> log = cluster_->StoredCommands(0);
  std::map<std::string, uint64_t> times;
  std::map<std::string, uint64_t> epochs;  // by name
  for (const MetadataCommand& command : log) {
    if (!command.has_open_producer() && !command.has_create_topic()) continue;
    const std::string tag = TagOf(command);
    ++times[tag];
    if (refused_.contains(tag)) {
      absl::StrAppend(&wrong, tag, " was refused and is there\n");
    }
    if (!command.has_open_producer()) continue;
    const uint64_t epoch = ++epochs[command.open_producer().name()];
    const auto told = opened_.find(tag);
    if (told != opened_.end() && told->second != epoch) {
      absl::StrAppend(&wrong, tag, " was told epoch ", told->second, ", not ",
                      epoch, "\n");
    }
  }
  for (const auto& [tag, epoch] : opened_) {
    if (times[tag] != 1) {
      absl::StrAppend(&wrong, tag, " is there ", times[tag], " times\n");
    }
  }
  for (const std::string& tag : created_) {
    if (times[tag] != 1) {
      absl::StrAppend(&wrong, tag, " is there ", times[tag], " times\n");
    }
  }
  for (const auto& [name, epoch] : epochs) {
    storage::v1::ProducerRow row;
    const auto found = rows.find(RowKey(kProducerPrefix, name));
    if (found == rows.end() || !row.ParseFromString(found->second) ||
        row.epoch() != epoch) {
      absl::StrAppend(&wrong, name, " is not at epoch ", epoch, "\n");
    }
  }
  return wrong + CheckTopics(log);
}

std::string MetadataHistory::CheckTopics(
    const std::vector<MetadataCommand>& log) {
  std::map<std::string, std::string> there;  // name: tag
  for (const MetadataCommand& command : log) {
    if (command.has_create_topic()) {
      const v1::Topic& topic = command.create_topic().topic();
      if (topic.replicas() > MetadataCluster::kNodes) continue;
      there.try_emplace(topic.name(), topic.uuid());
    } else if (command.has_delete_topic()) {
      there.erase(command.delete_topic().request().name());
    }
  }
  for (size_t node = 0; node < MetadataCluster::kNodes; ++node) {
    std::map<std::string, std::string> topics;
    for (const auto& [name, topic] :
         cluster_->group(node).state().topics().topics()) {
      topics.emplace(name, topic.row.topic().uuid());
    }
    if (topics != there) {
      return absl::StrCat("node ", node, " has other topics than the log\n");
    }
  }
  return "";
}

}  // namespace kappa::server
