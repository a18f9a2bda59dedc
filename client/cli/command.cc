#include "client/cli/command.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "client/cli/exit_code.h"

namespace kappa::cli {

absl::StatusOr<std::optional<client::TlsOptions>> CommandContext::Tls() const {
  const std::pair<const char*, const std::optional<std::string>*> options[] = {
      {"--tls-ca", &tls_ca},
      {"--tls-cert", &tls_cert},
      {"--tls-key", &tls_key},
      {"--tls-server-name", &tls_server_name}};
  std::optional<client::TlsOptions> none;
  for (const auto& [name, value] : options) {
    if (!value->has_value()) continue;
    if ((*value)->empty()) {
      return UsageError(std::string(name) + ": the value is empty");
    }
    if (!tls_ca.has_value()) {
      return UsageError(std::string(name) + " needs --tls-ca");
    }
  }
  if (!tls_ca.has_value()) return none;
  client::TlsOptions tls;
  tls.ca_file = *tls_ca;
  tls.cert_file = tls_cert.value_or("");
  tls.key_file = tls_key.value_or("");
  tls.server_name = tls_server_name.value_or("");
  const absl::StatusOr<TlsMaterial> loaded = client::LoadTls(tls);
  if (!loaded.ok()) return UsageError(std::string(loaded.status().message()));
  return std::optional<client::TlsOptions>(std::move(tls));
}

absl::StatusOr<std::shared_ptr<client::Client>> CommandContext::Connect()
    const {
  absl::StatusOr<std::optional<client::TlsOptions>> tls = Tls();
  if (!tls.ok()) return tls.status();
  absl::StatusOr<std::shared_ptr<client::Client>> client =
      client::Client::Connect({.seeds = server, .tls = *std::move(tls)});
  if (client.status().code() == absl::StatusCode::kInvalidArgument) {
    return UsageError("--server: " + std::string(client.status().message()));
  }
  return client;
}

void AddServerOptions(CLI::App* app, CommandContext* context) {
  app->add_option("--server", context->server, "HOST:PORT[,HOST:PORT...]")
      ->envname("KAPPA_SERVER")
      ->capture_default_str();
  app->add_option("--tls-ca", context->tls_ca,
                  "Use TLS and trust servers with a certificate of this CA "
                  "(PEM file)")
      ->envname("KAPPA_TLS_CA");
  app->add_option("--tls-cert", context->tls_cert,
                  "Own certificate, for servers that ask for one (PEM file)")
      ->envname("KAPPA_TLS_CERT");
  app->add_option("--tls-key", context->tls_key,
                  "Private key of --tls-cert (PEM file)")
      ->envname("KAPPA_TLS_KEY");
  app->add_option("--tls-server-name", context->tls_server_name,
                  "Name that the server's certificate must carry (default: the "
                  "host of --server)")
      ->envname("KAPPA_TLS_SERVER_NAME");
}

CLI::App* AddCommand(CLI::App* parent, CommandContext* context,
                     const std::string& name, const std::string& description,
                     std::function<absl::Status()> run) {
  CLI::App* command = parent->add_subcommand(name, description);
  command->fallthrough();  // --server may stand anywhere
  command->callback([context, run = std::move(run)] { context->run = run; });
  return command;
}

void AddOutputOption(CLI::App* command, std::string* output) {
  *output = "table";
  command->add_option("-o,--output", *output, "Form of the output")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

void Print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0) {
    return;
  }
  if (errno == EPIPE) std::_Exit(kDone);
  std::perror("kappa: standard output");
  std::_Exit(kRefused);
}

}  // namespace kappa::cli
