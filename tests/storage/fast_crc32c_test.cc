#include "storage/fast_crc32c.h"

#include <dlfcn.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"
#include "rocksdb/db.h"

namespace kappa::storage {
namespace {

using ExtendFunction = uint32_t (*)(uint32_t, const char*, size_t);
constexpr char kSymbol[] = "_ZN7rocksdb6crc32c6ExtendEjPKcm";

// The one in the library, which ours stands in front of.
ExtendFunction RocksDbsOwn() {
  return reinterpret_cast<ExtendFunction>(dlsym(RTLD_NEXT, kSymbol));
}

std::string RandomBytes(size_t bytes, std::mt19937_64* random) {
  std::string text(bytes, '\0');
  for (char& byte : text) byte = static_cast<char>((*random)());
  return text;
}

TEST(FastCrc32cTest, AgreesWithRocksDbsOwn) {
  const ExtendFunction slow = RocksDbsOwn();
  const auto fast =
      reinterpret_cast<ExtendFunction>(dlsym(RTLD_DEFAULT, kSymbol));
  ASSERT_NE(slow, nullptr);
  ASSERT_NE(fast, nullptr);
  ASSERT_NE(slow, fast);
  std::mt19937_64 random(20261123);
  for (int round = 0; round < 4000; ++round) {
    const size_t bytes = random() % (round % 10 == 0 ? 70'000 : 600);
    const size_t skip = random() % 16;  // any alignment
    const std::string text = RandomBytes(bytes + skip, &random);
    const auto start = static_cast<uint32_t>(random());
    const uint32_t expected = slow(start, text.data() + skip, bytes);
    EXPECT_EQ(fast(start, text.data() + skip, bytes), expected);
    EXPECT_EQ(ExtendCrc32cPortable(start,
                                   std::string_view(text.data() + skip, bytes)),
              expected);
  }
}

TEST(FastCrc32cTest, RocksDbCallsOurs) {
  EXPECT_EQ(RocksDbCrc32cVariant(), "kappa, " + std::string(Crc32cVariant()));
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/crc";
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, path, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  const uint64_t before = RocksDbCrc32cCalls();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(
        db->Put(rocksdb::WriteOptions(), std::to_string(i), "value").ok());
  }
  // Each record of its write-ahead log has one.
  EXPECT_GE(RocksDbCrc32cCalls(), before + 100);
}

}  // namespace
}  // namespace kappa::storage
