#include "storage/options_file_check.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "rocksdb/convenience.h"
#include "rocksdb/table.h"
#include "storage/file_bytes.h"
#include "storage/rocks_options.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = size_t{64} << 10;
constexpr char kDatabaseSection[] = "DBOptions";
constexpr char kVersionSection[] = "Version";

// "DBOptions", "CFOptions \"meta\"", ... -> its "key=value" lines.
using Sections = std::map<std::string, std::map<std::string, std::string>>;

// Settings of the server, or what RocksDB makes of them and of the machine.
const std::set<std::string>& Variable() {
  static const auto* const names =
      new std::set<std::string>{"arena_block_size",
                                "bytes_per_sync",
                                "compaction_readahead_size",
                                "db_log_dir",
                                "delayed_write_rate",
                                "listeners",
                                "max_compaction_bytes",
                                "max_total_wal_size",
                                "use_direct_io_for_flush_and_compaction",
                                "use_direct_reads",
                                "wal_dir",
                                "write_buffer_size"};
  return *names;
}

// Whether this build writes `value` too where it would otherwise write another.
bool AlsoWritten(const std::string& key, const std::string& value) {
  // RocksDatabase drops the torn end of a log so (DatabaseOpenMode).
  return key == "wal_recovery_mode" && value == "kPointInTimeRecovery";
}

// The text of a section as RocksDB writes it.
std::map<std::string, std::string> LinesOf(const std::string& text) {
  std::map<std::string, std::string> lines;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripLeadingAsciiWhitespace(line);
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (!parts.first.empty()) lines.insert(parts);
  }
  return lines;
}

rocksdb::ConfigOptions TextForm() {
  rocksdb::ConfigOptions config;
  config.delimiter = "\n  ";
  return config;
}

// What this build would write into a section; empty for an unknown one.
std::map<std::string, std::string> Expected(const std::string& section) {
  std::string text;
  RocksSettings settings;
  if (section == kDatabaseSection) {
    rocksdb::GetStringFromDBOptions(TextForm(), MakeDatabaseOptions(settings),
                                    &text);
    return LinesOf(text);
  }
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(section, absl::MaxSplits(' ', 1));
  const std::string family(
      absl::StripSuffix(absl::StripPrefix(parts.second, "\""), "\""));
  if (parts.first == "CFOptions") {
    rocksdb::GetStringFromColumnFamilyOptions(
        TextForm(), MakeFamilyOptions(settings, family), &text);
  } else if (parts.first == "TableOptions/BlockBasedTable") {
    const auto options = MakeFamilyOptions(settings, family);
    options.table_factory->GetOptionString(TextForm(), &text);
  }
  return LinesOf(text);
}

class OptionsText {
 public:
  // What is wrong with the text; "" for nothing.
  std::string Check(const std::string& text) {
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      const std::string wrong = TakeLine(line);
      if (!wrong.empty()) return wrong;
    }
    if (sections_.count(kDatabaseSection) == 0) return "it has no DBOptions";
    for (const auto& [name, lines] : sections_) {
      const std::string wrong = CheckSection(name, lines);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

 private:
  std::string TakeLine(absl::string_view line) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') return "";
    if (line.front() == '[' && line.back() == ']') {
      section_ = std::string(line.substr(1, line.size() - 2));
      sections_[section_];
      return "";
    }
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (section_.empty() || line.find('=') == absl::string_view::npos) {
      return absl::StrCat("a line means nothing: ", line.substr(0, 40));
    }
    sections_[section_].insert(parts);
    return "";
  }

  static std::string CheckSection(
      const std::string& name,
      const std::map<std::string, std::string>& lines) {
    if (name == kVersionSection) return "";
    const std::map<std::string, std::string> expected = Expected(name);
    if (expected.empty()) return absl::StrCat("unknown section ", name);
    for (const auto& [key, value] : expected) {
      const auto found = lines.find(key);
      if (found == lines.end()) {
        return absl::StrCat("[", name, "] lacks ", key);
      }
      if (found->second != value && Variable().count(key) == 0 &&
          !AlsoWritten(key, found->second)) {
        return absl::StrCat("[", name, "] ", key, " is ", found->second,
                            ", not ", value);
      }
    }
    for (const auto& [key, value] : lines) {
      if (expected.count(key) == 0 && Variable().count(key) == 0) {
        return absl::StrCat("[", name, "] has an unknown ", key);
      }
    }
    return "";
  }

  std::string section_;
  Sections sections_;
};

std::string NewestOptionsFile(const std::string& database) {
  std::string newest;
  std::error_code error;
  for (fs::directory_iterator at(database, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with("OPTIONS-") && !name.ends_with(".dbtmp")) {
      newest = std::max(newest, name);
    }
  }
  return newest;
}

}  // namespace

std::vector<Finding> CheckOptionsFile(const std::string& path) {
  const std::string database = path + "/db";
  const std::string name = NewestOptionsFile(database);
  if (name.empty()) {
    return {{Severity::kHarmless, "db", "there is no OPTIONS file", {}}};
  }
  std::string text;
  const absl::Status read =
      ReadFileInPieces(database + "/" + name, kPieceBytes,
                       [&text](std::string_view piece) { text.append(piece); });
  const std::string wrong =
      read.ok() ? OptionsText().Check(text) : std::string(read.message());
  if (wrong.empty()) return {};
  return {{Severity::kHarmless,
           "db/" + name,
           wrong + "; kappad does not read this file",
           {}}};
}

}  // namespace kappa::storage
