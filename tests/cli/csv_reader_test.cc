#include "client/cli/csv_reader.h"

#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Row = std::vector<std::string>;

std::vector<Row> ReadAll(const std::string& text, absl::Status* status) {
  std::istringstream in(text);
  CsvReader reader(&in);
  std::vector<Row> rows;
  Row row;
  while (reader.Next(&row)) rows.push_back(row);
  *status = reader.status();
  return rows;
}

TEST(CsvReaderTest, ReadsRowsWithAnyLineEnd) {
  absl::Status status;
  EXPECT_THAT(ReadAll("a,b\nc,d\r\n,\ne", &status),
              ElementsAre(Row{"a", "b"}, Row{"c", "d"}, Row{"", ""}, Row{"e"}));
  EXPECT_TRUE(status.ok());
}

TEST(CsvReaderTest, QuotedFieldsHoldCommasQuotesAndLineBreaks) {
  absl::Status status;
  EXPECT_THAT(
      ReadAll("\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\r\nx,\"\"\n", &status),
      ElementsAre(Row{"a,b", "say \"hi\"", "two\nlines"}, Row{"x", ""}));
  EXPECT_TRUE(status.ok());
}

TEST(CsvReaderTest, SkipsByteOrderMarkAndEmptyLines) {
  absl::Status status;
  EXPECT_THAT(ReadAll("\xEF\xBB\xBF"
                      "a\n\n\r\nb\n",
                      &status),
              ElementsAre(Row{"a"}, Row{"b"}));
}

TEST(CsvReaderTest, NamesTheLineOfAnOpenQuote) {
  absl::Status status;
  ReadAll("a\nb,\"never\nclosed", &status);
  EXPECT_THAT(std::string(status.message()), HasSubstr("line 2"));
}

TEST(CsvReaderTest, NamesTheLineOfTextAfterAQuote) {
  absl::Status status;
  ReadAll("a\n\"b\"c,d\n", &status);
  EXPECT_THAT(std::string(status.message()), HasSubstr("line 2"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("field 1"));
}

}  // namespace
}  // namespace kappa::cli
