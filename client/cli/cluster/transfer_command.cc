// kappa cluster transfer
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/cluster/cluster_commands.h"
#include "client/cli/cluster/cluster_nodes.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cpp/client.h"
#include "client/cpp/error.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kRetryPause = absl::Milliseconds(100);

struct TransferOptions {
  CommandContext* context = nullptr;
  std::string output;
  std::string topic;
  std::optional<uint32_t> partition;
  bool metadata = false;
  uint64_t to_node = 0;
};

// Any node passes the request on to the one that leads.
absl::StatusOr<v1::TransferLeadershipResponse> Transfer(
    client::Client* client, const v1::TransferLeadershipRequest& request) {
  const absl::Time deadline = absl::Now() + client->options().call_timeout;
  while (true) {
    const std::string address = client->SeedAddress();
    auto moved = ClusterNodes::AskNode(
        client, address, &ClusterCalls::TransferLeadership, request);
    if (moved.ok() || !client::IsRetriable(moved.status())) return moved;
    client->NoteFailure(address);
    const absl::Duration wait =
        std::max(kRetryPause, client::RetryAfter(moved.status()));
    if (absl::Now() + wait >= deadline) return moved;
    absl::SleepFor(wait);
  }
}

absl::Status RunTransfer(const TransferOptions& options) {
  auto client = options.context->Connect();
  // What is wrong with the call itself comes first.
  if (client.ok() || absl::IsUnavailable(client.status())) {
    if (!options.metadata && !options.partition.has_value()) {
      return UsageError("topic and partition are required, or --metadata");
    }
  }
  if (!client.ok()) return client.status();
  v1::TransferLeadershipRequest request;
  request.set_topic(options.topic);
  request.set_partition(options.partition.value_or(0));
  request.set_metadata(options.metadata);
  request.set_to_node(options.to_node);
  const auto moved = Transfer(client->get(), request);
  if (!moved.ok()) return moved.status();
  const std::string group =
      options.metadata ? "the metadata"
                       : absl::StrCat(options.topic, "/", request.partition());
  if (options.output == "json") {
    Print(Json{{"topic", options.topic},
               {"partition", request.partition()},
               {"metadata", options.metadata},
               {"leader", moved->leader()},
               {"term", moved->term()}}
              .dump(2) +
          "\n");
  } else {
    Print(absl::StrCat("Node ", moved->leader(), " leads ", group, " in term ",
                       moved->term(), ".\n"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddClusterTransfer(CLI::App* cluster, CommandContext* context) {
  const auto options = std::make_shared<TransferOptions>();
  options->context = context;
  CLI::App* command =
      AddCommand(cluster, context, "transfer",
                 "Hand the leadership of a partition, or of the metadata, to "
                 "another node",
                 [options] { return RunTransfer(*options); });
  CLI::Option* const topic =
      command->add_option("topic", options->topic, "Name of the topic");
  CLI::Option* const partition = command->add_option(
      "partition", options->partition, "Its number, from 0");
  command
      ->add_flag("--metadata", options->metadata,
                 "The group of topics and placement, instead of a partition's")
      ->excludes(topic)
      ->excludes(partition);
  command->add_option("--to", options->to_node,
                      "Node that shall lead (default: the best one that does "
                      "not)");
  AddOutputOption(command, &options->output);
  command->footer(
      "Examples:\n"
      "  kappa cluster transfer orders 0 --to 2\n"
      "  kappa cluster transfer orders 0\n"
      "  kappa cluster transfer --metadata --to 3");
}

}  // namespace kappa::cli
