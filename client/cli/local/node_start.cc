#include "client/cli/local/node_start.h"

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/local/free_ports.h"
#include "client/cli/local/kappad_program.h"
#include "client/cli/local/node_probe.h"
#include "client/cli/local/test_certificates.h"

namespace kappa::cli {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Milliseconds(250);
constexpr absl::Duration kProbePause = absl::Milliseconds(20);
constexpr std::streamoff kLogTailBytes = 2'000;

std::string LogTail(const LocalCluster& cluster, uint32_t node) {
  std::ifstream file(cluster.LogOf(node), std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kLogTailBytes));
  std::stringstream text;
  text << file.rdbuf();
  return absl::StrCat("; the end of ", cluster.LogOf(node), ":\n", text.str());
}

absl::Status StartOne(LocalCluster* cluster, uint32_t node) {
  absl::StatusOr<NodeProcess> process =
      NodeProcess::Start(cluster->CommandOf(node), cluster->LogOf(node));
  if (!process.ok()) return process.status();
  cluster->SetProcess(node, *process);
  const absl::Status saved = cluster->Save();
  if (!saved.ok()) {
    // Nobody would find it.
    (void)process->Signal(SIGKILL);
  }
  return saved;
}

// What must be there before the first node starts.
absl::Status Prepare(LocalCluster* cluster,
                     const std::vector<uint32_t>& to_start) {
  if (to_start.empty()) return absl::OkStatus();
  absl::StatusOr<std::string> program = FindKappad(cluster->settings().kappad);
  if (!program.ok()) return program.status();
  cluster->settings().kappad = *std::move(program);
  for (const uint32_t node : to_start) {
    const absl::Status free = CheckPortsFree(*cluster, node);
    if (!free.ok()) return free;
  }
  if (!cluster->settings().tls) return absl::OkStatus();
  return TestCertificates(cluster->TlsDir()).Make(cluster->settings().nodes);
}

// OK when the node serves, NOT_FOUND when it has ended.
absl::Status ProbeOnce(const LocalCluster& cluster, uint32_t node,
                       const NodeProbe& probe, Serves serves) {
  const auto answer = probe.Ask(kProbeTimeout);
  if (!answer.ok()) {
    return cluster.process(node).state() == NodeProcess::State::kEnded
               ? absl::NotFoundError("")
               : answer.status();
  }
  if (serves == Serves::kInCluster && answer->metadata().leader() == 0) {
    return absl::UnavailableError(
        "it knows no leader of the cluster's metadata");
  }
  return absl::OkStatus();
}

absl::Status WaitForOne(const LocalCluster& cluster, uint32_t node,
                        Serves serves, absl::Time deadline) {
  const absl::StatusOr<NodeProbe> probe =
      NodeProbe::Make(cluster.ClientAddressOf(node), cluster.ClientTls());
  if (!probe.ok()) return probe.status();
  while (true) {
    const absl::Status answer = ProbeOnce(cluster, node, *probe, serves);
    if (answer.ok()) return answer;
    if (absl::IsNotFound(answer)) {
      return absl::FailedPreconditionError(
          absl::StrCat("node ", node, " ended", LogTail(cluster, node)));
    }
    if (absl::Now() > deadline) {
      return absl::FailedPreconditionError(
          absl::StrCat("node ", node, " does not serve: ", answer.message(),
                       LogTail(cluster, node)));
    }
    absl::SleepFor(kProbePause);
  }
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> StartNodes(
    LocalCluster* cluster, const std::vector<uint32_t>& nodes) {
  std::vector<uint32_t> to_start;
  for (const uint32_t node : nodes) {
    const NodeProcess& process = cluster->process(node);
    switch (process.state()) {
      case NodeProcess::State::kEnded:
        to_start.push_back(node);
        break;
      case NodeProcess::State::kPaused:
        if (absl::Status sent = process.Signal(SIGCONT); !sent.ok()) {
          return sent;
        }
        break;
      case NodeProcess::State::kRuns:
        break;
    }
  }
  absl::Status status = Prepare(cluster, to_start);
  std::vector<uint32_t> started;
  for (size_t i = 0; i < to_start.size() && status.ok(); ++i) {
    status = StartOne(cluster, to_start[i]);
    if (status.ok()) started.push_back(to_start[i]);
  }
  if (status.ok()) status = cluster->Save();
  if (status.ok()) return started;
  (void)EndNodes(*cluster, started);
  return status;
}

absl::Status WaitUntilServing(const LocalCluster& cluster,
                              const std::vector<uint32_t>& nodes, Serves serves,
                              absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  for (const uint32_t node : nodes) {
    const absl::Status served = WaitForOne(cluster, node, serves, deadline);
    if (!served.ok()) return served;
  }
  return absl::OkStatus();
}

absl::Status EndNodes(const LocalCluster& cluster,
                      const std::vector<uint32_t>& nodes) {
  std::vector<absl::Status> ended(nodes.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < nodes.size(); ++i) {
    threads.emplace_back([&cluster, &ended, i, node = nodes[i]] {
      ended[i] = cluster.process(node).End(kEndGrace);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : ended) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace kappa::cli
