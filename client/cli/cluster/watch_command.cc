// kappa cluster watch
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/cluster/cluster_commands.h"
#include "client/cli/cluster/cluster_text.h"
#include "client/cli/command.h"
#include "client/cli/interrupt.h"
#include "client/cli/time_format.h"
#include "client/cpp/client.h"
#include "client/cpp/error.h"
#include "client/cpp/unary_call.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "kappa/v1/cluster_service.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "proto/wire/mutex.h"

namespace kappa::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kReconnectPause = absl::Milliseconds(500);

struct WatchOptions {
  CommandContext* context = nullptr;
  std::string output;
};

std::string GroupText(const v1::LeaderChange& leader) {
  return leader.topic().empty()
             ? "metadata"
             : absl::StrCat(leader.topic(), "/", leader.partition());
}

std::string LeaderText(const v1::LeaderChange& leader) {
  return absl::StrCat(GroupText(leader), ": ",
                      leader.leader() == 0
                          ? "no leader is known"
                          : absl::StrCat("led by node ", leader.leader()),
                      " in term ", leader.term());
}

std::string ChangeText(const v1::ClusterChange& change) {
  switch (change.change_case()) {
    case v1::ClusterChange::kNode:
      return absl::StrCat(
          "node ", change.node().node_id(),
          change.node().heard() ? " is heard" : " is not heard");
    case v1::ClusterChange::kLeader:
      return LeaderText(change.leader());
    case v1::ClusterChange::kProblem:
      return absl::StrCat(Red("problem"), ": ", change.problem().message());
    case v1::ClusterChange::kSolved:
      return absl::StrCat(Green("solved"), ": ", change.solved().message());
    case v1::ClusterChange::CHANGE_NOT_SET:
      break;
  }
  return "something that this version does not know";
}

Json ChangeJson(const v1::ClusterChange& change) {
  switch (change.change_case()) {
    case v1::ClusterChange::kNode:
      return {{"change", change.node().heard() ? "node_heard" : "node_lost"},
              {"node", change.node().node_id()}};
    case v1::ClusterChange::kLeader:
      return {{"change", "leader"},
              {"topic", change.leader().topic()},
              {"partition", change.leader().partition()},
              {"leader", change.leader().leader()},
              {"term", change.leader().term()}};
    case v1::ClusterChange::kProblem:
      return {{"change", "problem"},
              {"problem", ProblemJson(change.problem())}};
    case v1::ClusterChange::kSolved:
      return {{"change", "solved"}, {"problem", ProblemJson(change.solved())}};
    case v1::ClusterChange::CHANGE_NOT_SET:
      break;
  }
  return {{"change", "unknown"}};
}

// One line for each change; at the beginning the partitions' leaders are only
// counted, for people.
std::string LinesOf(const v1::WatchClusterResponse& response, bool json) {
  const std::string time = FormatTimeUs(response.time_us());
  std::string text;
  size_t leaders = 0;
  for (const v1::ClusterChange& change : response.changes()) {
    if (json) {
      Json line{{"time", time},
                {"told_by", response.node_id()},
                {"initial", response.initial()}};
      line.update(ChangeJson(change));
      absl::StrAppend(&text,
                      line.dump(-1, ' ', /*ensure_ascii=*/false,
                                Json::error_handler_t::replace),
                      "\n");
    } else if (response.initial() && change.has_leader() &&
               !change.leader().topic().empty() &&
               change.leader().leader() != 0) {
      ++leaders;
    } else {
      absl::StrAppend(&text, time, "  ", ChangeText(change), "\n");
    }
  }
  if (leaders > 0) {
    absl::StrAppend(&text, time, "  ", leaders, " partitions are led\n");
  }
  return text;
}

// The call under way, which an interrupt ends.
class WatchCall {
 public:
  void Cancel() {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  // False: cancelled before.
  bool Begin(grpc::ClientContext* context) {
    MutexLock lock(&mutex_);
    context_ = context;
    return !cancelled_;
  }
  void End() {
    MutexLock lock(&mutex_);
    context_ = nullptr;
  }

 private:
  Mutex mutex_;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

// Prints what one node tells until the call ends. gRPC's threads read, as in
// CallUnary, so that a node that is back is seen at once.
class WatchStream final
    : public grpc::ClientReadReactor<v1::WatchClusterResponse> {
 public:
  WatchStream(const std::shared_ptr<grpc::Channel>& channel, bool json,
              grpc::ClientContext* context)
      : json_(json), stub_(channel) {
    stub_.async()->WatchCluster(context, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  absl::Status Wait() { return client::StatusFromGrpc(end_->Wait()); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    Print(LinesOf(response_, json_));
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<client::CallEnd> end = end_;  // outlives this
    end->Set(status);
  }

  const bool json_;
  const v1::WatchClusterRequest request_;
  v1::ClusterService::Stub stub_;
  v1::WatchClusterResponse response_;
  const std::shared_ptr<client::CallEnd> end_ =
      std::make_shared<client::CallEnd>();
};

// Watches at one node until the call ends.
absl::Status WatchAt(client::Client* client, const std::string& address,
                     bool json, WatchCall* call) {
  grpc::ClientContext context;
  if (!call->Begin(&context)) return absl::CancelledError("interrupted");
  WatchStream stream(client->ChannelTo(address), json, &context);
  const absl::Status ended = stream.Wait();
  call->End();
  return ended;
}

absl::Status RunWatch(const WatchOptions& options) {
  WatchCall call;
  const Interrupt interrupt([&call] { call.Cancel(); });
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  const bool json = options.output == "json";
  while (!interrupt.requested()) {
    const std::string address = (*client)->SeedAddress();
    const absl::Status ended = WatchAt(client->get(), address, json, &call);
    if (interrupt.requested()) break;
    if (!client::IsRetriable(ended)) return ended;
    std::fprintf(stderr, "kappa: %s: %s; going on\n", address.c_str(),
                 std::string(ended.message()).c_str());
    (*client)->NoteFailure(address);
    absl::SleepFor(kReconnectPause);
  }
  return absl::OkStatus();
}

}  // namespace

void AddClusterWatch(CLI::App* cluster, CommandContext* context) {
  const auto options = std::make_shared<WatchOptions>();
  options->context = context;
  CLI::App* command = AddCommand(
      cluster, context, "watch",
      "Print what changes, until interrupted: nodes, leaders, problems; as one "
      "node sees it, and the next one when that is gone",
      [options] { return RunWatch(*options); });
  AddOutputOption(command, &options->output);
  command->footer(
      "Examples:\n"
      "  kappa cluster watch\n"
      "  kappa cluster watch -o json | jq -c 'select(.change == \"leader\")'");
}

}  // namespace kappa::cli
