// earthquakes: the streaming program of the demo. Replays a topic and computes
// one version of the view.
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/replay_options.h"
#include "client/cpp/topic_replay.h"
#include "client/demo/seismic_event.h"
#include "client/demo/view.h"

namespace kappa::demo {
namespace {

struct Arguments {
  std::string server = "127.0.0.1:7400";
  std::string topic = "earthquakes";
  std::string version = "v1";
  std::string out;
  int rows = 5;
};

// Folds every record that is in the topic now.
absl::Status Compute(const Arguments& arguments, View* view) {
  auto client = client::Client::Connect({.seeds = arguments.server});
  if (!client.ok()) return client.status();
  auto replay = client::TopicReplay::Start(
      *client,
      {.topic = arguments.topic, .stop = client::ReplayPosition::End()});
  if (!replay.ok()) return replay.status();
  absl::Status bad_record;
  const absl::Status status =
      (*replay)->ForEach([&](const client::ReplayRecord& record) {
        absl::StatusOr<SeismicEvent> event =
            ParseSeismicEvent(record.value.value_or(""));
        if (!event.ok()) {
          bad_record = absl::InvalidArgumentError(
              absl::StrCat("topic ", arguments.topic, " partition ",
                           record.partition, " offset ", record.offset.value(),
                           ": ", event.status().message()));
          return false;
        }
        view->Fold(*event);
        return true;
      });
  return bad_record.ok() ? status : bad_record;
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return absl::UnknownError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

absl::Status Run(const Arguments& arguments) {
  absl::StatusOr<std::unique_ptr<View>> view = View::Create(arguments.version);
  if (!view.ok()) return view.status();
  const absl::Time begin = absl::Now();
  const absl::Status status = Compute(arguments, view->get());
  if (!status.ok()) return status;
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  if (!arguments.out.empty()) {
    const absl::Status written = WriteFile(arguments.out, (*view)->ToCsv());
    if (!written.ok()) return written;
  }
  std::printf("view %s: %llu events in %zu rows, %.0f events/s\n%s",
              arguments.version.c_str(),
              static_cast<unsigned long long>((*view)->event_count()),
              (*view)->row_count(),
              static_cast<double>((*view)->event_count()) / seconds,
              (*view)->ToTable(static_cast<size_t>(arguments.rows)).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace kappa::demo

int main(int argc, char** argv) {
  CLI::App app{"Computes a view of seismic events by replaying a topic"};
  kappa::demo::Arguments arguments;
  app.add_option("--server", arguments.server, "HOST:PORT")
      ->capture_default_str();
  app.add_option("--topic", arguments.topic, "Topic to replay")
      ->capture_default_str();
  app.add_option("--view", arguments.version, "Version of the view")
      ->check(CLI::IsMember({"v1", "v2"}))
      ->capture_default_str();
  app.add_option("--out", arguments.out, "CSV file for the whole view");
  app.add_option("--rows", arguments.rows, "Rows to print")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = kappa::demo::Run(arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "earthquakes: %s\n",
               std::string(status.message()).c_str());
  return status.code() == absl::StatusCode::kUnavailable ? 3 : 1;
}
