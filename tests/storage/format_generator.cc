// Writes tests/data/format-<n> for the format of this build; run once per
// format, when it is final:
//
//   bazel build //tests/storage:format_generator
//   mkdir /tmp/out && cd /tmp/out && .../format_generator format-1
//
// and copy format-1 to tests/data. The directory is left as after kill -9, with
// a sealed segment, flushed entries, and entries in the write-ahead log only.
#include <cstdio>
#include <filesystem>
#include <string>

#include "proto/wire/check.h"
#include "proto/wire/mutex.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/format_content.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDeadlineUs = 60'000'000;

// Waits until a sealed segment is to be recorded.
class CommitWish {
 public:
  void Make() {
    MutexLock lock(&mutex_);
    made_ = true;
    changed_.SignalAll();
  }
  void Await() {
    MutexLock lock(&mutex_);
    while (!made_) {
      KAPPA_CHECK(changed_.WaitFor(&mutex_, kDeadlineUs),
                  "a full segment must be sealed");
    }
    made_ = false;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool made_ ABSL_GUARDED_BY(mutex_) = false;
};

void Generate(const std::string& directory) {
  KAPPA_CHECK(!fs::exists(directory), "the directory must not exist");
  const std::string live = directory + "-live";
  fs::remove_all(live);
  CommitWish wish;
  RocksLogStoreOptions options;
  options.directory = live;
  options.segment_bytes = kSegmentBytesMin;
  options.memtable_bytes = size_t{8} << 20;
  options.on_commit_wanted = [&wish] { wish.Make(); };
  auto store = RocksLogStore::Open(options);
  KAPPA_CHECK(store.ok(), store.status().ToString().c_str());
  WriteFormatContent(store->get());
  while ((*store)->stats().sealed_segments == 0) {
    wish.Await();
    KAPPA_CHECK((*store)->Commit({}).ok(), "the seal must be recorded");
  }
  // Once more, so that the log of what is sealed is gone; then a cycle that is
  // in the log only.
  store->reset();
  store = RocksLogStore::Open(options);
  KAPPA_CHECK(store.ok(), store.status().ToString().c_str());
  KAPPA_CHECK((*store)->Commit({}).ok(), "a last cycle must be written");
  fs::copy(live, directory, fs::copy_options::recursive);
  store->reset();
  fs::remove_all(live);
  // What RocksDB writes for people: paths and names of this machine.
  for (const auto& entry : fs::directory_iterator(directory + "/db")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("LOG") || name.starts_with("OPTIONS")) {
      fs::remove(entry.path());
    }
  }
}

}  // namespace
}  // namespace kappa::storage

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: format_generator DIRECTORY\n");
    return 2;
  }
  kappa::storage::Generate(argv[1]);
  return 0;
}
