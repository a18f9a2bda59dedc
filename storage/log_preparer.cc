#include "storage/log_preparer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "proto/wire/check.h"
#include "storage/posix_status.h"

namespace kappa::storage {
namespace {

constexpr size_t kAlignment = 4096;
// While a piece is written, the log's own writer waits: about a millisecond.
constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr int64_t kRestUs = 5'000;

// kPieceBytes of zeros, fit for direct writes.
const char* Zeros() {
  static const char* const zeros = [] {
    void* bytes = std::aligned_alloc(kAlignment, kPieceBytes);
    KAPPA_CHECK(bytes != nullptr, "no memory for zeros");
    std::memset(bytes, 0, kPieceBytes);
    return static_cast<const char*>(bytes);
  }();
  return zeros;
}

}  // namespace

std::shared_ptr<PreparedRange> PreparedRange::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  return std::shared_ptr<PreparedRange>(new PreparedRange(path, descriptor));
}

PreparedRange::~PreparedRange() { close(descriptor_); }

uint64_t PreparedRange::end() const {
  MutexLock lock(&mutex_);
  return end_;
}

void PreparedRange::Take(uint64_t end) {
  MutexLock lock(&mutex_);
  while (end > end_ && writing_) changed_.Wait(&mutex_);
  end_ = std::max(end_, end);
}

void PreparedRange::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
  while (writing_) changed_.Wait(&mutex_);
}

bool PreparedRange::Aim(uint64_t end) {
  MutexLock lock(&mutex_);
  if (closed_ || aimed_) return false;
  aim_ = end;
  aimed_ = true;
  return true;
}

std::optional<PreparedRange::Piece> PreparedRange::BeginPiece(
    size_t bytes_max) {
  MutexLock lock(&mutex_);
  const uint64_t left = aim_ > end_ ? aim_ - end_ : 0;
  const size_t bytes = std::min<uint64_t>(left, bytes_max);
  if (closed_ || bytes < kAlignment) {
    aimed_ = false;
    return std::nullopt;
  }
  writing_ = true;
  return Piece{end_, bytes / kAlignment * kAlignment};
}

void PreparedRange::EndPiece(size_t written) {
  MutexLock lock(&mutex_);
  // Of a block that was written in part the writer begins anew.
  end_ += written / kAlignment * kAlignment;
  writing_ = false;
  if (written < kAlignment) closed_ = true;
  changed_.SignalAll();
}

LogPreparer::LogPreparer(std::function<void(const absl::Status&)> on_fatal)
    : on_fatal_(std::move(on_fatal)), thread_([this] { Loop(); }) {}

LogPreparer::~LogPreparer() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  thread_.join();
}

void LogPreparer::Extend(const std::shared_ptr<PreparedRange>& range,
                         uint64_t end) {
  if (!range->Aim(end)) return;
  MutexLock lock(&mutex_);
  ranges_.push_back(range);
  changed_.SignalAll();
}

void LogPreparer::Await() {
  MutexLock lock(&mutex_);
  while (!ranges_.empty()) changed_.Wait(&mutex_);
}

void LogPreparer::Loop() {
  for (;;) {
    std::shared_ptr<PreparedRange> range;
    {
      MutexLock lock(&mutex_);
      while (ranges_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) return;
      range = ranges_.front();
    }
    Fill(range.get());
    MutexLock lock(&mutex_);
    ranges_.pop_front();
    changed_.SignalAll();
  }
}

void LogPreparer::Fill(PreparedRange* range) {
  bool written = false;
  while (const auto piece = range->BeginPiece(kPieceBytes)) {
    ssize_t got = 0;
    do {
      got = pwrite(range->descriptor(), Zeros(), piece->bytes,
                   static_cast<off_t>(piece->at));
    } while (got < 0 && errno == EINTR);
    const int error = errno;
    range->EndPiece(got < 0 ? 0 : static_cast<size_t>(got));
    if (got < 0) {
      const absl::Status status = FromErrno(error, "write", range->path());
      const bool no_room = absl::IsResourceExhausted(status) || error == EFBIG;
      if (on_fatal_ && !no_room) on_fatal_(status);
    }
    written = true;
    if (!Rest()) break;
  }
  // The journal is written here, not at the next sync of the log.
  if (written && fdatasync(range->descriptor()) != 0 && on_fatal_) {
    on_fatal_(FromErrno(errno, "sync", range->path()));
  }
}

bool LogPreparer::Rest() {
  MutexLock lock(&mutex_);
  if (!stopping_) changed_.WaitFor(&mutex_, kRestUs);
  return !stopping_;
}

}  // namespace kappa::storage
