// TextTable: rows of text, aligned in columns for a terminal.
#ifndef KAPPA_CLIENT_CLI_TEXT_TABLE_H_
#define KAPPA_CLIENT_CLI_TEXT_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace kappa::cli {

// Thread safety: thread-compatible.
class TextTable {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  using Row = std::vector<std::string>;

  explicit TextTable(std::vector<Column> columns)
      : columns_(std::move(columns)) {}

  // Requires: as many cells as there are columns.
  void Add(Row row);
  // Header and rows, one a line, two blanks between columns, none at the end
  // of a line.
  std::string ToString() const;

 private:
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_TEXT_TABLE_H_
