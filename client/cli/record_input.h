// RecordInput: records out of text: lines, JSON lines, or CSV with a header.
#ifndef KAPPA_CLIENT_CLI_RECORD_INPUT_H_
#define KAPPA_CLIENT_CLI_RECORD_INPUT_H_

#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/record_set.h"

namespace kappa::cli {

struct RecordInputOptions {
  // "lines": the value is the line. "jsonl": the value is the line, which must
  // be a JSON object. "csv": the value is one JSON object of the row's columns,
  // in their order, all text.
  std::string format = "lines";
  // Field (JSON member or CSV column) that becomes the key; empty: no key.
  std::string key_field;
  // A JSON object without it, or with null there, is a record without a key;
  // else it is an error.
  bool key_may_be_missing = false;
  // Field that becomes the event time, read by `time_format` (time_format.h);
  // a record without it has none. Empty: no event time.
  std::string time_field;
  std::string time_format = "rfc3339";
};

// Thread safety: thread-compatible.
class RecordInput {
 public:
  // Reads the CSV header. `in` must outlive the input.
  // Errors: INVALID_ARGUMENT: an option that does not fit the format, or a
  // field that the header does not have.
  static absl::StatusOr<std::unique_ptr<RecordInput>> Open(
      std::istream* in, const RecordInputOptions& options);
  virtual ~RecordInput() = default;

  // Reads the next record; its views are valid until the next call. False at
  // the end and on an error, see status().
  virtual bool Next(RecordView* record) = 0;
  // Line, from 1, on which the record read last began.
  virtual int64_t line() const = 0;
  // Bytes consumed so far.
  virtual int64_t bytes() const = 0;
  // INVALID_ARGUMENT naming the line and what is wrong in it.
  const absl::Status& status() const { return status_; }

 protected:
  // Ends the input with an error on the current line; returns false.
  bool Fail(std::string_view message);

  absl::Status status_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_RECORD_INPUT_H_
