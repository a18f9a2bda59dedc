#include "storage/unlinked_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace kappa::storage {
namespace {

constexpr uint64_t kStepBytes = uint64_t{4} << 20;
// Between two steps, so that what waits for the file system gets its turn; less
// while more files wait: 4 MiB in 2 + 2 ms is faster than logs are written
// here.
constexpr int64_t kRestUs = 20'000;
constexpr int64_t kHurriedRestUs = 2'000;
// One more is freed at once.
constexpr size_t kFilesMax = 64;

}  // namespace

UnlinkedFiles::UnlinkedFiles() : thread_([this] { Loop(); }) {}

UnlinkedFiles::~UnlinkedFiles() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  thread_.join();
  MutexLock lock(&mutex_);
  for (const File& file : files_) close(file.descriptor);
}

int UnlinkedFiles::Open(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
}

void UnlinkedFiles::Release(int descriptor) {
  if (descriptor < 0) return;
  struct stat status;
  const bool nameless = fstat(descriptor, &status) == 0 && status.st_nlink == 0;
  if (nameless && static_cast<uint64_t>(status.st_size) > kStepBytes) {
    MutexLock lock(&mutex_);
    if (files_.size() < kFilesMax) {
      files_.push_back({descriptor, static_cast<uint64_t>(status.st_size)});
      changed_.SignalAll();
      return;
    }
  }
  close(descriptor);
}

void UnlinkedFiles::Await() {
  MutexLock lock(&mutex_);
  while (!files_.empty()) changed_.Wait(&mutex_);
}

std::optional<UnlinkedFiles::File> UnlinkedFiles::NextStep() {
  MutexLock lock(&mutex_);
  while (files_.empty() && !stopping_) changed_.Wait(&mutex_);
  if (stopping_) return std::nullopt;
  File& file = files_.front();
  file.bytes -= std::min(file.bytes, kStepBytes);
  return file;
}

void UnlinkedFiles::EndStep(bool freed) {
  MutexLock lock(&mutex_);
  if (freed) {
    files_.pop_front();
    changed_.SignalAll();
  }
  if (!stopping_) {
    changed_.WaitFor(&mutex_, files_.size() > 1 ? kHurriedRestUs : kRestUs);
  }
}

void UnlinkedFiles::Loop() {
  while (const std::optional<File> step = NextStep()) {
    const bool cut =
        step->bytes > 0 &&
        ftruncate(step->descriptor, static_cast<off_t>(step->bytes)) == 0;
    if (!cut) close(step->descriptor);  // frees what is left
    EndStep(/*freed=*/!cut);
  }
}

}  // namespace kappa::storage
