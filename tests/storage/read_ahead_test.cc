// Files read through ReadAheadFileSystem give the bytes that they hold, however
// they are read, and few large reads reach the disk when somebody goes through
// them in order.
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rocksdb/file_system.h"
#include "storage/read_ahead_file_system.h"
#include "storage/read_ahead_pool.h"

namespace kappa::storage {
namespace {

constexpr size_t kBytes = size_t{32} << 20;

using rocksdb::FSRandomAccessFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr size_t kBlockBytes = (size_t{128} << 10) + 37;

struct BaseReads {
  std::atomic<int> count = 0;
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> fails_from = ~uint64_t{0};  // offset in bytes
};

class CountedFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  CountedFile(std::unique_ptr<FSRandomAccessFile> file, BaseReads* reads)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), reads_(reads) {}
  IOStatus Read(uint64_t offset, size_t n, const IOOptions& options,
                Slice* result, char* scratch,
                IODebugContext* debug) const override {
    reads_->count += 1;
    reads_->bytes += n;
    if (offset + n > reads_->fails_from) return IOStatus::IOError("bad block");
    return FSRandomAccessFileOwnerWrapper::Read(offset, n, options, result,
                                                scratch, debug);
  }

 private:
  BaseReads* const reads_;
};

class CountedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit CountedFileSystem(BaseReads* reads)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), reads_(reads) {}
  const char* Name() const override { return "counted"; }
  IOStatus NewRandomAccessFile(const std::string& path,
                               const rocksdb::FileOptions& options,
                               std::unique_ptr<FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    IOStatus status = target()->NewRandomAccessFile(path, options, file, debug);
    if (status.ok()) {
      *file = std::make_unique<CountedFile>(std::move(*file), reads_);
    }
    return status;
  }

 private:
  BaseReads* const reads_;
};

// With direct I/O, and without.
class ReadAheadTest : public testing::TestWithParam<bool> {
 protected:
  static constexpr size_t kFileBytes = (size_t{24} << 20) + 12'345;

  static std::string MakeContent() {
    std::string content(kFileBytes, '\0');
    std::mt19937_64 random(7);
    for (size_t i = 0; i + 8 <= content.size(); i += 8) {
      const uint64_t word = random();
      content.replace(i, 8, reinterpret_cast<const char*>(&word), 8);
    }
    return content;
  }
  static const std::string& Content() {
    static const auto* const content = new std::string(MakeContent());
    return *content;
  }

  ReadAheadTest()
      : path_(testing::TempDir() + "/read_ahead.sst"), content_(Content()) {
    std::ofstream(path_, std::ios::binary) << content_;
    files_ = NewReadAheadFileSystem(std::make_shared<CountedFileSystem>(&base_),
                                    kBytes);
  }

  std::unique_ptr<FSRandomAccessFile> Open() {
    rocksdb::FileOptions options;
    options.use_direct_reads = GetParam();
    std::unique_ptr<FSRandomAccessFile> file;
    const IOStatus status =
        files_->NewRandomAccessFile(path_, options, &file, nullptr);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return file;
  }

  // What a read gives; the reason when it fails.
  static std::string Read(const FSRandomAccessFile& file, uint64_t offset,
                          size_t n) {
    std::string scratch(n, '?');
    Slice result;
    const IOStatus status =
        file.Read(offset, n, IOOptions(), &result, scratch.data(), nullptr);
    return status.ok() ? result.ToString() : status.ToString();
  }

  // Reads blocks in order from `offset` on, up to the end of the file.
  void ReadInOrder(const FSRandomAccessFile& file, uint64_t offset) {
    for (; offset < kFileBytes; offset += kBlockBytes) {
      ASSERT_EQ(Read(file, offset, kBlockBytes),
                content_.substr(offset, kBlockBytes))
          << "at " << offset;
    }
  }

  const std::string path_;
  const std::string& content_;
  BaseReads base_;
  std::shared_ptr<rocksdb::FileSystem> files_;
};

TEST_P(ReadAheadTest, InOrderInFewLargeReads) {
  const auto file = Open();
  ReadInOrder(*file, 0);
  const int blocks = kFileBytes / kBlockBytes;
  EXPECT_LT(base_.count, blocks / 4);
  EXPECT_LT(base_.bytes, kFileBytes + kFileBytes / 10) << "read in vain";
}

TEST_P(ReadAheadTest, InOrderFromAnOddOffset) {
  const auto file = Open();
  ReadInOrder(*file, 5'000'001);
}

TEST_P(ReadAheadTest, HereAndThereReadsNothingAhead) {
  const auto file = Open();
  std::mt19937_64 random(11);
  uint64_t wanted = 0;
  for (int i = 0; i < 300; ++i) {
    const uint64_t offset = random() % kFileBytes;
    const size_t n = random() % 200'000;
    ASSERT_EQ(Read(*file, offset, n), content_.substr(offset, n));
    wanted += n + 2 * kDirectIoAlignment;
  }
  EXPECT_LE(base_.bytes, wanted);
}

TEST_P(ReadAheadTest, EndOfTheFile) {
  const auto file = Open();
  EXPECT_EQ(Read(*file, kFileBytes - 10, 100),
            content_.substr(kFileBytes - 10));
  EXPECT_EQ(Read(*file, kFileBytes, 100), "");
  EXPECT_EQ(Read(*file, kFileBytes + 5'000, 100), "");
  EXPECT_EQ(Read(*file, 17, 0), "");
}

TEST_P(ReadAheadTest, RepeatedLastBlockDoesNotEndTheStream) {
  const auto file = Open();
  uint64_t offset = 0;
  for (; offset < 8'000'000; offset += kBlockBytes) {
    Read(*file, offset, kBlockBytes);
  }
  const uint64_t last = offset - kBlockBytes;
  const int before = base_.count;
  EXPECT_EQ(Read(*file, last, kBlockBytes), content_.substr(last, kBlockBytes));
  for (int i = 0; i < 16; ++i, offset += kBlockBytes) {
    EXPECT_EQ(Read(*file, offset, kBlockBytes),
              content_.substr(offset, kBlockBytes));
  }
  EXPECT_LE(base_.count - before, 10) << "16 blocks should come in large reads";
}

TEST_P(ReadAheadTest, SearchesDoNotTakeTheStreamAway) {
  const auto file = Open();
  // A search touched blocks that a reader comes by later, and again meanwhile.
  for (int i = 0; i < 160; i += 10) Read(*file, i * kBlockBytes, kBlockBytes);
  const int before = base_.count;
  for (int i = 0; i < 160; ++i) {
    if (i % 10 == 3) Read(*file, (i / 10 + 1) * 10 * kBlockBytes, kBlockBytes);
    const uint64_t offset = i * kBlockBytes;
    ASSERT_EQ(Read(*file, offset, kBlockBytes),
              content_.substr(offset, kBlockBytes));
  }
  EXPECT_LT(base_.count - before, 80);
}

TEST_P(ReadAheadTest, ManyReadersOfOneFile) {
  const auto file = Open();
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back(
        [&, i] { ReadInOrder(*file, 9'000'000 + i * 700'003); });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_P(ReadAheadTest, FailedReadIsToldByTheReadThatWantsIt) {
  const auto file = Open();
  base_.fails_from = 12 << 20;
  uint64_t offset = 0;
  for (; offset + 2 * kBlockBytes < base_.fails_from; offset += kBlockBytes) {
    ASSERT_EQ(Read(*file, offset, kBlockBytes),
              content_.substr(offset, kBlockBytes))
        << "what is read ahead may fail, what is wanted is there";
  }
  offset = base_.fails_from;
  EXPECT_EQ(Read(*file, offset, kBlockBytes), "IO error: bad block");
  base_.fails_from = ~uint64_t{0};
  ReadInOrder(*file, offset);
}

TEST_P(ReadAheadTest, OtherFilesStayAsTheyAre) {
  const std::string path = testing::TempDir() + "/read_ahead.log";
  std::ofstream(path) << "text";
  std::unique_ptr<FSRandomAccessFile> file;
  ASSERT_TRUE(
      files_->NewRandomAccessFile(path, rocksdb::FileOptions(), &file, nullptr)
          .ok());
  EXPECT_NE(dynamic_cast<CountedFile*>(file.get()), nullptr);
}

INSTANTIATE_TEST_SUITE_P(DirectIo, ReadAheadTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Direct" : "Buffered";
                         });

// A source of zeros that never fails.
class ZeroFile final : public FSRandomAccessFile {
 public:
  IOStatus Read(uint64_t /*offset*/, size_t n, const IOOptions& /*options*/,
                Slice* result, char* scratch,
                IODebugContext* /*debug*/) const override {
    *result = Slice(scratch, n);
    return IOStatus::OK();
  }
};

std::unique_ptr<ReadAheadStream> StreamOf(const ReadAheadSource& source) {
  auto stream = std::make_unique<ReadAheadStream>();
  stream->source = &source;
  stream->passed_bytes = size_t{64} << 20;
  return stream;
}

TEST(ReadAheadPoolTest, MemoryOfAllStreamsIsBounded) {
  constexpr size_t kPieces = 7;
  ReadAheadPool pool(kPieces * ReadAheadPool::kPieceBytesMax);
  const ReadAheadSource source{std::make_shared<ZeroFile>(), size_t{1} << 40};
  for (uint64_t i = 0; i < 2 * ReadAheadPool::kStreamsMax; ++i) {
    auto stream = StreamOf(source);
    stream->next = i << 30;
    pool.Extend(stream.get(), stream->next);
    EXPECT_LE(stream->pieces.size(), ReadAheadPool::kAheadMax + 1);
    pool.Give(std::move(stream));
    EXPECT_LE(pool.pieces(), kPieces);
    EXPECT_LE(pool.streams(), ReadAheadPool::kStreamsMax);
  }
  EXPECT_EQ(pool.Take(source, 0), nullptr) << "the oldest made room";
  pool.Forget(source);
  EXPECT_EQ(pool.pieces(), 0);
  EXPECT_EQ(pool.streams(), 0);
}

TEST(ReadAheadPoolTest, AStreamThatNobodyContinuesGivesItsMemoryBack) {
  ReadAheadPool pool(kBytes, std::chrono::milliseconds(20));
  const ReadAheadSource source{std::make_shared<ZeroFile>(), size_t{1} << 40};
  auto stream = StreamOf(source);
  pool.Extend(stream.get(), 0);
  EXPECT_GT(pool.pieces(), 0);
  pool.Give(std::move(stream));
  while (pool.pieces() > 0) std::this_thread::yield();
  EXPECT_EQ(pool.streams(), 0);
}

TEST(ReadAheadPoolTest, EndsWithPiecesUnderWay) {
  const ReadAheadSource source{std::make_shared<ZeroFile>(), size_t{1} << 40};
  for (int i = 0; i < 50; ++i) {
    ReadAheadPool pool(kBytes);
    auto stream = StreamOf(source);
    pool.Extend(stream.get(), 0);
    if (i % 2 == 0) pool.Give(std::move(stream));
  }
}

}  // namespace
}  // namespace kappa::storage
