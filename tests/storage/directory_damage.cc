#include "tests/storage/directory_damage.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = 32768;
constexpr size_t kRecordHeaderBytes = 7;

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
  const std::string bytes = ReadAll(path);
  std::vector<size_t> records;
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
    // 1 and 2 are whole records and first parts.
    if (type == 1 || type == 2) records.push_back(at);
    at += kRecordHeaderBytes + length;
  }
  return records;
}

}  // namespace kappa::storage
