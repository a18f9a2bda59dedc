// kappa scrub status|start
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/text_table.h"
#include "client/cli/time_format.h"
#include "client/cpp/admin.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {

namespace {

using Json = nlohmann::ordered_json;

struct ScrubCommandOptions {
  CommandContext* context = nullptr;
  std::string output;
};

std::string TimeText(int64_t time_us) {
  return time_us == 0 ? "-" : FormatTimeUs(time_us);
}

std::string PartitionText(const v1::DamagedEntries& damaged) {
  if (damaged.topic().empty()) {
    return damaged.group_id() == 0 ? "metadata"
                                   : absl::StrCat("group ", damaged.group_id());
  }
  return absl::StrCat(damaged.topic(), "/", damaged.partition());
}

Json ToJson(const v1::ScrubStatus& status) {
  Json json{{"running", status.running()},
            {"pass", status.pass()},
            {"begin_time", TimeText(status.begin_time_us())},
            {"last_pass_end_time", TimeText(status.end_time_us())},
            {"entries", status.entries()},
            {"payload_bytes", status.payload_bytes()},
            {"damaged_entries", status.damaged_entries()},
            {"bytes_per_second", status.bytes_per_second()}};
  json["damage"] = Json::array();
  for (const v1::DamagedEntries& damaged : status.damage()) {
    json["damage"].push_back({{"partition", PartitionText(damaged)},
                              {"group_id", damaged.group_id()},
                              {"first_index", damaged.first_index()},
                              {"last_index", damaged.last_index()},
                              {"message", damaged.message()}});
  }
  return json;
}

std::string StatusText(const v1::ScrubStatus& status) {
  std::string text = absl::StrCat(
      "Pass ", status.pass(), status.running() ? " runs" : " is over",
      ", begun ", TimeText(status.begin_time_us()), ", at most ",
      status.bytes_per_second() >> 20, " MiB/s\n", "Last whole pass ended ",
      TimeText(status.end_time_us()), "\n", status.entries(), " entries, ",
      status.payload_bytes() >> 20, " MiB read; ", status.damaged_entries(),
      " entries damaged\n");
  if (status.damage().empty()) return text;
  TextTable table({{.title = "PARTITION"},
                   {"FIRST_INDEX", TextTable::Align::kRight},
                   {"LAST_INDEX", TextTable::Align::kRight},
                   {.title = "WHAT"}});
  for (const v1::DamagedEntries& damaged : status.damage()) {
    table.Add({PartitionText(damaged), absl::StrCat(damaged.first_index()),
               absl::StrCat(damaged.last_index()), damaged.message()});
  }
  return text + table.ToString();
}

absl::Status RunStatus(const ScrubCommandOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  auto status = client::Admin(*client).GetScrubStatus();
  if (!status.ok()) return status.status();
  if (options.output == "json") {
    Print(ToJson(*status).dump(2, ' ', /*ensure_ascii=*/false,
                               Json::error_handler_t::replace) +
          "\n");
  } else {
    Print(StatusText(*status));
  }
  return absl::OkStatus();
}

absl::Status RunStart(const ScrubCommandOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  auto pass = client::Admin(*client).StartScrub();
  if (!pass.ok()) return pass.status();
  if (options.output == "json") {
    Print(Json{{"pass", *pass}}.dump(2) + "\n");
  } else {
    Print(absl::StrCat("Pass ", *pass, " runs\n"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddScrubCommands(CLI::App* app, CommandContext* context) {
  CLI::App* scrub = app->add_subcommand(
      "scrub", "Re-reading of everything that a node stores");
  scrub->require_subcommand(1);
  scrub->fallthrough();
  const auto options = std::make_shared<ScrubCommandOptions>();
  options->context = context;
  CLI::App* status =
      AddCommand(scrub, context, "status", "How far it is, and what it found",
                 [options] { return RunStatus(*options); });
  AddOutputOption(status, &options->output);
  CLI::App* start = AddCommand(scrub, context, "start", "Begin a pass now",
                               [options] { return RunStart(*options); });
  AddOutputOption(start, &options->output);
}

}  // namespace kappa::cli
