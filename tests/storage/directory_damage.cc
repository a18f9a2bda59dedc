#include "tests/storage/directory_damage.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = 32768;
constexpr size_t kRecordHeaderBytes = 7;
constexpr size_t kFullRecord = 1;
constexpr size_t kFirstPart = 2;
constexpr size_t kMiddlePart = 3;
constexpr size_t kLastPart = 4;

// Changes whenever a file does.
std::string StateOf(const std::string& directory) {
  std::string state;
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end;
       !error && at != end; at.increment(error)) {
    std::error_code gone;
    const auto bytes = at->is_regular_file(gone) ? at->file_size(gone) : 0;
    const auto time = at->last_write_time(gone).time_since_epoch().count();
    state += at->path().string() + " " + std::to_string(bytes) + " " +
             std::to_string(time) + (gone ? " gone\n" : "\n");
  }
  return state;
}

struct WalRecord {
  size_t at = 0;
  std::string content;
};

std::vector<WalRecord> RecordsOf(const std::string& bytes) {
  std::vector<WalRecord> records;
  size_t at = 0;
  while (at + kRecordHeaderBytes <= bytes.size()) {
    const size_t left_in_block = kBlockBytes - at % kBlockBytes;
    if (left_in_block < kRecordHeaderBytes) {
      at += left_in_block;  // padding
      continue;
    }
    const auto byte = [&](size_t i) {
      return static_cast<size_t>(static_cast<unsigned char>(bytes[at + i]));
    };
    const size_t length = byte(4) | byte(5) << 8;
    const size_t type = byte(6);
    if (type == kFullRecord || type == kFirstPart) records.push_back({at, ""});
    if (!records.empty()) {
      records.back().content.append(bytes, at + kRecordHeaderBytes, length);
    }
    at += kRecordHeaderBytes + length;
  }
  return records;
}

void AddPart(size_t type, std::string_view content, std::string* bytes) {
  std::string covered(1, static_cast<char>(type));
  covered += content;
  const uint32_t crc = Crc32c(covered);
  const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
  for (int i = 0; i < 4; ++i) {
    bytes->push_back(static_cast<char>(masked >> (8 * i)));
  }
  bytes->push_back(static_cast<char>(content.size()));
  bytes->push_back(static_cast<char>(content.size() >> 8));
  *bytes += covered;
}

void AddRecord(std::string_view content, std::string* bytes) {
  bool first = true;
  do {
    size_t left_in_block = kBlockBytes - bytes->size() % kBlockBytes;
    if (left_in_block < kRecordHeaderBytes) {
      bytes->append(left_in_block, '\0');
      left_in_block = kBlockBytes;
    }
    const std::string_view part =
        content.substr(0, left_in_block - kRecordHeaderBytes);
    content.remove_prefix(part.size());
    const bool last = content.empty();
    const size_t type = first ? (last ? kFullRecord : kFirstPart)
                              : (last ? kLastPart : kMiddlePart);
    AddPart(type, part, bytes);
    first = false;
  } while (!content.empty());
}

}  // namespace

std::string FreshDirectory(const std::string& name) {
  const testing::TestInfo* const test =
      testing::UnitTest::GetInstance()->current_test_info();
  std::string test_name = test->name();
  std::replace(test_name.begin(), test_name.end(), '/', '_');
  const std::string path =
      std::string(std::getenv("TEST_TMPDIR")) + "/" + test_name + "-" + name;
  fs::remove_all(path);
  return path;
}

void CopyTree(const std::string& from, const std::string& to) {
  // RocksDB may be at work: only a copy during which nothing changed shows one
  // moment.
  std::string before;
  std::error_code error;
  do {
    before = StateOf(from);
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive, error);
  } while (error || StateOf(from) != before);
}

std::map<std::string, std::string> TreeOf(const std::string& directory) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string name =
        fs::relative(entry.path(), directory).generic_string();
    if (name != "LOCK" && name != "db/LOCK") {
      tree[name] = ReadAll(entry.path().string());
    }
  }
  return tree;
}

std::vector<std::string> FilesIn(const std::string& directory,
                                 const std::string& suffix) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().string().ends_with(suffix)) {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string WalOf(const std::string& directory) {
  std::string wal;
  for (const std::string& file : FilesIn(directory + "/db", ".log")) {
    if (fs::file_size(file) == 0) continue;
    EXPECT_EQ(wal, "") << "more than one write-ahead log";
    wal = file;
  }
  EXPECT_NE(wal, "");
  return wal;
}

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void FlipBit(const std::string& path, size_t byte) {
  std::string bytes = ReadAll(path);
  ASSERT_LT(byte, bytes.size());
  bytes[byte] = static_cast<char>(bytes[byte] ^ 0x10);
  WriteAll(path, bytes);
}

void ZeroRange(const std::string& path, size_t at, size_t bytes) {
  std::string content = ReadAll(path);
  ASSERT_LE(at + bytes, content.size());
  content.replace(at, bytes, bytes, '\0');
  WriteAll(path, content);
}

void CutAt(const std::string& path, size_t bytes) {
  ASSERT_LT(bytes, fs::file_size(path));
  fs::resize_file(path, bytes);
}

std::vector<size_t> WalRecords(const std::string& path) {
  std::vector<size_t> records;
  for (const WalRecord& record : RecordsOf(ReadAll(path))) {
    records.push_back(record.at);
  }
  return records;
}

void DropWalRecord(const std::string& path, size_t n) {
  std::vector<WalRecord> records = RecordsOf(ReadAll(path));
  ASSERT_LT(n, records.size());
  records.erase(records.begin() + static_cast<std::ptrdiff_t>(n));
  std::string bytes;
  for (const WalRecord& record : records) AddRecord(record.content, &bytes);
  WriteAll(path, bytes);
}

}  // namespace kappa::storage
