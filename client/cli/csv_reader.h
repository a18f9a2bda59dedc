// CsvReader: rows of a CSV text (RFC 4180), one at a time.
#ifndef KAPPA_CLIENT_CLI_CSV_READER_H_
#define KAPPA_CLIENT_CLI_CSV_READER_H_

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace kappa::cli {

// Fields are separated by commas; a field in double quotes may hold commas,
// line breaks and doubled quotes. LF and CRLF end a row; an empty line is no
// row. A byte order mark at the start is skipped.
//
// Thread safety: thread-compatible.
class CsvReader {
 public:
  // `in` must outlive the reader.
  explicit CsvReader(std::istream* in) : in_(in) {}

  // Reads the next row into `fields`. Returns false at the end and on an error
  // (see status()).
  bool Next(std::vector<std::string>* fields);
  // Line, from 1, on which the row read last began.
  int64_t line() const { return row_line_; }
  // Bytes consumed so far.
  int64_t bytes() const { return bytes_; }
  // INVALID_ARGUMENT naming the line: a quote that never ends, or text after a
  // closing quote.
  const absl::Status& status() const { return status_; }

 private:
  bool ReadLine(std::string* line);
  // Continues a quoted field over line breaks; false on an error.
  bool ReadQuoted(std::string* line, size_t* at, std::string* field);

  std::istream* in_;
  int64_t lines_read_ = 0;
  int64_t row_line_ = 0;
  int64_t bytes_ = 0;
  std::string line_;
  absl::Status status_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_CSV_READER_H_
