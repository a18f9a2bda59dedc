// kappa topic create|list|describe|update|delete|add-partitions
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/text_table.h"
#include "client/cli/time_format.h"
#include "client/cpp/admin.h"
#include "nlohmann/json.hpp"
#include "proto/wire/codec.h"

namespace kappa::cli {

namespace {

using Json = nlohmann::ordered_json;

// Options of all topic commands; each command uses some.
struct TopicOptions {
  CommandContext* context = nullptr;
  std::string output;
  std::string name;
  std::string prefix;
  uint32_t partitions = 1;
  uint32_t replicas = 0;
  std::optional<std::string> description;
  std::vector<std::string> labels;
  std::optional<bool> deletion_protection;
  uint32_t batch_bytes_max = 0;
  uint32_t batch_records_max = 0;
  std::vector<std::string> compressions;
  bool accept_key_movement = false;
  bool yes = false;
};

std::string CompressionsOf(const v1::Topic& topic) {
  std::vector<std::string> names;
  for (const int compression : topic.accepted_compressions()) {
    names.emplace_back(CodecName(static_cast<Codec>(compression)));
  }
  return absl::StrJoin(names, ",");
}

Json ToJson(const v1::Topic& topic) {
  Json json;
  json["name"] = topic.name();
  json["uuid"] = absl::BytesToHexString(topic.uuid());
  json["partitions"] = topic.partitions();
  json["replicas"] = topic.replicas();
  json["description"] = topic.description();
  json["labels"] = Json::object();
  for (const v1::Label& label : topic.labels()) {
    json["labels"][label.name()] = label.value();
  }
  json["deletion_protection"] = topic.deletion_protection();
  json["batch_bytes_max"] = topic.limits().batch_bytes_max();
  json["batch_records_max"] = topic.limits().batch_records_max();
  json["accepted_compressions"] = CompressionsOf(topic);
  json["create_time"] = FormatTimeUs(topic.create_time_us());
  return json;
}

void PrintTopic(const v1::Topic& topic, const std::string& output) {
  const Json json = ToJson(topic);
  if (output == "json") {
    Print(json.dump(2) + "\n");
    return;
  }
  TextTable table({{.title = "FIELD"}, {.title = "VALUE"}});
  for (const auto& [name, value] : json.items()) {
    table.Add(
        {name, value.is_string() ? value.get<std::string>() : value.dump()});
  }
  Print(table.ToString());
}

absl::Status FillLabels(const std::vector<std::string>& texts,
                        google::protobuf::RepeatedPtrField<v1::Label>* labels) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return UsageError(
          absl::StrCat("--label: \"", text, "\" is not NAME=VALUE"));
    }
    v1::Label* label = labels->Add();
    label->set_name(text.substr(0, equals));
    label->set_value(text.substr(equals + 1));
  }
  return absl::OkStatus();
}

absl::Status FillCompressions(const std::vector<std::string>& names,
                              v1::CompressionList* list) {
  for (const std::string& name : names) {
    if (name == "none") continue;
    const absl::StatusOr<Codec> codec = ParseCodecName(name);
    if (!codec.ok()) {
      return UsageError(
          absl::StrCat("--compression: ", codec.status().message()));
    }
    list->add_compressions(static_cast<v1::Compression>(*codec));
  }
  return absl::OkStatus();
}

// Fills what create and update share.
template <typename Request>
absl::Status FillSettings(const TopicOptions& options, Request* request) {
  if (options.description) request->set_description(*options.description);
  if (options.deletion_protection) {
    request->set_deletion_protection(*options.deletion_protection);
  }
  if (options.batch_bytes_max > 0) {
    request->mutable_limits()->set_batch_bytes_max(options.batch_bytes_max);
  }
  if (options.batch_records_max > 0) {
    request->mutable_limits()->set_batch_records_max(options.batch_records_max);
  }
  if (options.compressions.empty()) return absl::OkStatus();
  return FillCompressions(options.compressions,
                          request->mutable_accepted_compressions());
}

absl::Status RunCreate(const TopicOptions& options) {
  v1::CreateTopicRequest request;
  request.set_name(options.name);
  request.set_partitions(options.partitions);
  request.set_replicas(options.replicas);
  absl::Status status = FillSettings(options, &request);
  if (status.ok()) {
    status = FillLabels(options.labels, request.mutable_labels());
  }
  if (!status.ok()) return status;
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  auto response = client::Admin(*client).CreateTopic(request);
  if (!response.ok()) return response.status();
  if (options.output == "json") {
    PrintTopic(response->topic(), "json");
    return absl::OkStatus();
  }
  Print(absl::StrCat(
      response->created() ? "Created topic " : "Found topic ",
      response->topic().name(), " with ", response->topic().partitions(),
      response->topic().partitions() == 1 ? " partition" : " partitions",
      response->created() ? "" : ", the settings are the same", ".\n"));
  return absl::OkStatus();
}

absl::Status RunList(const TopicOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  auto topics = client::Admin(*client).ListTopics(options.prefix);
  if (!topics.ok()) return topics.status();
  if (options.output == "json") {
    Json list = Json::array();
    for (const v1::Topic& topic : *topics) list.push_back(ToJson(topic));
    Print(list.dump(2) + "\n");
    return absl::OkStatus();
  }
  TextTable table({{.title = "NAME"},
                   {"PARTITIONS", TextTable::Align::kRight},
                   {"REPLICAS", TextTable::Align::kRight},
                   {.title = "CREATED"},
                   {.title = "DESCRIPTION"}});
  for (const v1::Topic& topic : *topics) {
    table.Add({topic.name(), absl::StrCat(topic.partitions()),
               absl::StrCat(topic.replicas()),
               FormatTimeUs(topic.create_time_us()), topic.description()});
  }
  Print(table.ToString());
  return absl::OkStatus();
}

absl::Status RunDescribe(const TopicOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  auto topic = client::Admin(*client).GetTopic(options.name);
  if (!topic.ok()) return topic.status();
  PrintTopic(*topic, options.output);
  return absl::OkStatus();
}

absl::Status RunUpdate(const TopicOptions& options) {
  v1::UpdateTopicRequest request;
  request.set_name(options.name);
  request.set_replicas(options.replicas);
  absl::Status status = FillSettings(options, &request);
  if (status.ok() && !options.labels.empty()) {
    status =
        FillLabels(options.labels, request.mutable_labels()->mutable_labels());
  }
  if (!status.ok()) return status;
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  auto topic = client::Admin(*client).UpdateTopic(request);
  if (!topic.ok()) return topic.status();
  PrintTopic(*topic, options.output);
  return absl::OkStatus();
}

absl::Status RunDelete(const TopicOptions& options) {
  if (!options.yes) {
    return UsageError(absl::StrCat("topic delete: this ends topic ",
                                   options.name,
                                   " and all its records; say --yes"));
  }
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  v1::DeleteTopicRequest request;
  request.set_name(options.name);
  auto uuid = client::Admin(*client).DeleteTopic(request);
  if (!uuid.ok()) return uuid.status();
  const std::string hex = absl::BytesToHexString(*uuid);
  if (options.output == "json") {
    Print(Json{{"name", options.name}, {"uuid", hex}}.dump(2) + "\n");
  } else {
    Print(absl::StrCat("Deleted topic ", options.name, ", UUID ", hex, ".\n"));
  }
  return absl::OkStatus();
}

absl::Status RunAddPartitions(const TopicOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  v1::AddPartitionsRequest request;
  request.set_name(options.name);
  request.set_partitions(options.partitions);
  request.set_accept_key_movement(options.accept_key_movement);
  auto topic = client::Admin(*client).AddPartitions(request);
  if (!topic.ok()) return topic.status();
  PrintTopic(*topic, options.output);
  return absl::OkStatus();
}

void AddSettings(CLI::App* command, TopicOptions* options) {
  command->add_option("--description", options->description,
                      "What the topic is for");
  command->add_option("--label", options->labels,
                      "NAME=VALUE; may be repeated");
  command->add_option("--deletion-protection", options->deletion_protection,
                      "Refuse to delete the topic (true or false; a new topic "
                      "is protected)");
  command->add_option("--batch-bytes-max", options->batch_bytes_max,
                      "Largest batch in bytes, 1 to 16777216");
  command->add_option("--batch-records-max", options->batch_records_max,
                      "Most records in a batch, 1 to 1048576");
  command
      ->add_option("--compression", options->compressions,
                   "Codecs that appends may use, beside none: zstd, lz4")
      ->delimiter(',');
}

}  // namespace

void AddTopicCommands(CLI::App* app, CommandContext* context) {
  CLI::App* topic = app->add_subcommand("topic", "Create and manage topics");
  topic->require_subcommand(1);
  topic->fallthrough();
  const auto options = std::make_shared<TopicOptions>();
  options->context = context;
  const auto add = [&](const char* name, const char* description,
                       absl::Status (*run)(const TopicOptions&)) {
    CLI::App* command = AddCommand(topic, context, name, description,
                                   [options, run] { return run(*options); });
    AddOutputOption(command, &options->output);
    return command;
  };
  const auto add_named = [&](const char* name, const char* description,
                             absl::Status (*run)(const TopicOptions&)) {
    CLI::App* command = add(name, description, run);
    command->add_option("name", options->name, "Name of the topic")->required();
    return command;
  };

  CLI::App* create = add_named("create", "Create a topic", RunCreate);
  create
      ->add_option("--partitions", options->partitions,
                   "Number of partitions, 1 to 10000")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  create->add_option("--replicas", options->replicas,
                     "Copies of each partition (default: 3, or the number of "
                     "nodes if there are fewer)");
  AddSettings(create, options.get());

  add("list", "List topics", RunList)
      ->add_option("--prefix", options->prefix,
                   "Only topics whose name begins so");
  add_named("describe", "Show one topic", RunDescribe);
  CLI::App* update =
      add_named("update", "Change a topic's settings", RunUpdate);
  update->add_option("--replicas", options->replicas,
                     "Copies of each partition from now on; data is moved in "
                     "the background");
  AddSettings(update, options.get());
  add_named("delete", "Delete a topic and its records", RunDelete)
      ->add_flag("--yes", options->yes, "Yes, all its records");

  CLI::App* grow = add_named("add-partitions", "Raise the number of partitions",
                             RunAddPartitions);
  grow->add_option("--partitions", options->partitions, "The new total")
      ->required();
  grow->add_flag("--accept-key-movement", options->accept_key_movement,
                 "Accept that keys move to other partitions");
}

}  // namespace kappa::cli
