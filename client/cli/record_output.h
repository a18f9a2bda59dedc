// RecordOutput: records as text on standard output.
#ifndef KAPPA_CLIENT_CLI_RECORD_OUTPUT_H_
#define KAPPA_CLIENT_CLI_RECORD_OUTPUT_H_

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "client/cpp/replay_options.h"

namespace kappa::cli {

// Thread safety: thread-compatible.
class RecordOutput {
 public:
  // `form`: "table", "jsonl", "raw" (one value a line), "csv" or "none".
  // Requires: one of these.
  static std::unique_ptr<RecordOutput> Create(std::string_view form,
                                              std::FILE* file);
  explicit RecordOutput(std::FILE* file) : file_(file) {}
  virtual ~RecordOutput() = default;

  // False once the file takes no more (a closed pipe): stop then.
  bool Write(const client::ReplayRecord& record);
  // Hands everything to the system; false as for Write.
  bool Flush();

 protected:
  // What stands before the first record.
  virtual void AppendHead(std::string*) {}
  virtual void Append(const client::ReplayRecord& record, std::string* out) = 0;

 private:
  std::FILE* const file_;
  std::string buffer_;
  bool begun_ = false;
  bool open_ = true;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_RECORD_OUTPUT_H_
