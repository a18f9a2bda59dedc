// kappa producer open|describe
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/json_text.h"
#include "client/cli/text_table.h"
#include "client/cpp/admin.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {

namespace {

using Json = nlohmann::ordered_json;

struct ProducerCommandOptions {
  CommandContext* context = nullptr;
  std::string output;
  std::string name;
  std::string topic;
  std::vector<uint32_t> partitions;
};

// State as text, or as hexadecimal digits when it is none.
std::string StateText(const v1::ProducerPosition& position) {
  if (!position.has_state()) return "-";
  return IsUtf8(position.state())
             ? position.state()
             : absl::StrCat("0x", absl::BytesToHexString(position.state()));
}

template <typename Response>
void PrintProducer(const std::string& name, const Response& response,
                   const std::string& output) {
  const std::string id = absl::BytesToHexString(response.producer_id());
  if (output == "json") {
    Json json{{"name", name}, {"id", id}, {"epoch", response.epoch()}};
    json["positions"] = Json::array();
    for (const v1::ProducerPosition& position : response.positions()) {
      json["positions"].push_back({{"partition", position.partition()},
                                   {"last_sequence", position.last_sequence()},
                                   {"epoch", position.epoch()},
                                   {"state", StateText(position)}});
    }
    Print(json.dump(2) + "\n");
    return;
  }
  TextTable table({{"PARTITION", TextTable::Align::kRight},
                   {"LAST_SEQUENCE", TextTable::Align::kRight},
                   {"EPOCH", TextTable::Align::kRight},
                   {.title = "STATE"}});
  for (const v1::ProducerPosition& position : response.positions()) {
    table.Add({absl::StrCat(position.partition()),
               absl::StrCat(position.last_sequence()),
               absl::StrCat(position.epoch()), StateText(position)});
  }
  Print(absl::StrCat("Producer ", name, ", id ", id, ", epoch ",
                     response.epoch(), "\n", table.ToString()));
}

// Fills the partitions asked for, or all of the topic.
template <typename Request>
absl::Status Fill(const ProducerCommandOptions& options, client::Admin* admin,
                  Request* request) {
  request->set_name(options.name);
  request->set_topic(options.topic);
  std::vector<uint32_t> partitions = options.partitions;
  if (partitions.empty()) {
    auto topic = admin->GetTopic(options.topic);
    if (!topic.ok()) return topic.status();
    for (uint32_t i = 0; i < topic->partitions(); ++i) partitions.push_back(i);
  }
  for (const uint32_t partition : partitions) {
    request->add_partitions(partition);
  }
  return absl::OkStatus();
}

absl::Status RunOpen(const ProducerCommandOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  client::Admin admin(*client);
  v1::OpenProducerRequest request;
  const absl::Status filled = Fill(options, &admin, &request);
  if (!filled.ok()) return filled;
  auto response = admin.OpenProducer(request);
  if (!response.ok()) return response.status();
  PrintProducer(options.name, *response, options.output);
  return absl::OkStatus();
}

absl::Status RunDescribe(const ProducerCommandOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  client::Admin admin(*client);
  v1::GetProducerRequest request;
  const absl::Status filled = Fill(options, &admin, &request);
  if (!filled.ok()) return filled;
  auto response = admin.GetProducer(request);
  if (!response.ok()) return response.status();
  PrintProducer(options.name, *response, options.output);
  return absl::OkStatus();
}

}  // namespace

void AddProducerCommands(CLI::App* app, CommandContext* context) {
  CLI::App* producer = app->add_subcommand("producer", "Named producers");
  producer->require_subcommand(1);
  producer->fallthrough();
  const auto options = std::make_shared<ProducerCommandOptions>();
  options->context = context;
  const auto add = [&](const char* name, const char* description,
                       absl::Status (*run)(const ProducerCommandOptions&)) {
    CLI::App* command = AddCommand(producer, context, name, description,
                                   [options, run] { return run(*options); });
    command->add_option("name", options->name, "Name of the producer")
        ->required();
    command->add_option("--topic", options->topic, "Topic to look at")
        ->required();
    command
        ->add_option("--partitions", options->partitions,
                     "Partitions, e.g. 0,1,2 (default: all)")
        ->delimiter(',');
    AddOutputOption(command, &options->output);
  };
  add("open", "Raise the epoch: fences every older instance", RunOpen);
  add("describe", "Show where a producer stands", RunDescribe);
}

}  // namespace kappa::cli
