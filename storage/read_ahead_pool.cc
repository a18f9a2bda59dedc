#include "storage/read_ahead_pool.h"

#include <algorithm>
#include <new>
#include <utility>

namespace kappa::storage {
namespace {

// Memory that is kept for the next piece: taking new one each time costs a
// page fault for every 4 KiB.
constexpr size_t kSpareMax = 8;
// Way that a stream has passed for each piece that is read ahead of it, so
// that what is read in vain stays a fraction of what was of use.
constexpr uint64_t kPassedBytesForEach = uint64_t{2} << 20;

}  // namespace

void FreeAligned::operator()(char* bytes) const {
  ::operator delete[](bytes, std::align_val_t{kDirectIoAlignment});
}

AlignedBytes AllocateAligned(size_t bytes) {
  return AlignedBytes(static_cast<char*>(
      ::operator new[](bytes, std::align_val_t{kDirectIoAlignment})));
}

ReadAheadPool::~ReadAheadPool() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mutex_);
    ending_ = true;
    queue_.clear();
    threads.swap(threads_);
  }
  work_.SignalAll();
  for (std::thread& thread : threads) thread.join();
}

std::unique_ptr<ReadAheadStream> ReadAheadPool::Take(
    const ReadAheadSource& source, uint64_t offset) {
  MutexLock lock(&mutex_);
  auto found =
      std::find_if(streams_.rbegin(), streams_.rend(), [&](const auto& stream) {
        return stream->next == offset && stream->source == &source;
      });
  if (found == streams_.rend()) {
    // Reads here and there leave streams of one read, which nobody repeats.
    found = std::find_if(
        streams_.rbegin(), streams_.rend(), [&](const auto& stream) {
          return stream->last == offset && stream->source == &source &&
                 !stream->pieces.empty();
        });
  }
  if (found == streams_.rend()) return nullptr;
  std::unique_ptr<ReadAheadStream> stream = std::move(*found);
  streams_.erase(std::next(found).base());
  return stream;
}

void ReadAheadPool::Give(std::unique_ptr<ReadAheadStream> stream) {
  stream->used = std::chrono::steady_clock::now();
  MutexLock lock(&mutex_);
  if (streams_.size() == kStreamsMax) {
    DropPieces(streams_.front().get());
    streams_.pop_front();
  }
  streams_.push_back(std::move(stream));
}

void ReadAheadPool::Forget(const ReadAheadSource& source) {
  MutexLock lock(&mutex_);
  for (auto at = streams_.begin(); at != streams_.end();) {
    if ((*at)->source != &source) {
      ++at;
      continue;
    }
    DropPieces(at->get());
    at = streams_.erase(at);
  }
}

void ReadAheadPool::Extend(ReadAheadStream* stream, uint64_t offset) {
  const size_t ahead =
      std::min<uint64_t>(kAheadMax, stream->passed_bytes / kPassedBytesForEach);
  // The piece that is being read from does not count.
  if (stream->pieces.size() > ahead) return;
  const size_t bytes_max = std::clamp<uint64_t>(AlignDown(stream->passed_bytes),
                                                kPieceBytesMin, kPieceBytesMax);
  const uint64_t file_bytes = stream->source->bytes;
  uint64_t next =
      stream->pieces.empty() ? AlignDown(offset) : stream->pieces.back()->end();
  size_t started = 0;
  {
    MutexLock lock(&mutex_);
    if (pieces_ >= pieces_max_) DropIdle(kIdleMin);
    while (stream->pieces.size() <= ahead && next < file_bytes &&
           pieces_ < pieces_max_) {
      auto piece = std::make_shared<ReadAheadPiece>();
      piece->file_ = stream->source->file;
      piece->offset_ = next;
      piece->bytes_ = std::min<uint64_t>(bytes_max, file_bytes - next);
      if (spare_.empty()) {
        piece->memory_ = AllocateAligned(kPieceBytesMax);
      } else {
        piece->memory_ = std::move(spare_.back());
        spare_.pop_back();
      }
      ++pieces_;
      ++started;
      next = piece->end();
      queue_.push_back(piece);
      stream->pieces.push_back(std::move(piece));
    }
    if (started > 0 && threads_.empty()) StartThreads();
  }
  for (size_t i = 0; i < started; ++i) work_.Signal();
}

const char* ReadAheadPool::Wait(const std::shared_ptr<ReadAheadPiece>& piece) {
  using State = ReadAheadPiece::State;
  MutexLock lock(&mutex_);
  if (piece->state_ == State::kQueued) {  // sooner done than waited for
    queue_.erase(std::find(queue_.begin(), queue_.end(), piece));
    ReadPiece(piece.get());
  }
  while (piece->state_ == State::kReading) done_.Wait(&mutex_);
  return piece->state_ == State::kDone ? piece->memory_.get() : nullptr;
}

void ReadAheadPool::DropFirst(ReadAheadStream* stream) {
  MutexLock lock(&mutex_);
  Release(std::move(stream->pieces.front()));
  stream->pieces.pop_front();
}

void ReadAheadPool::DropAll(ReadAheadStream* stream) {
  MutexLock lock(&mutex_);
  DropPieces(stream);
}

void ReadAheadPool::DropPieces(ReadAheadStream* stream) {
  for (std::shared_ptr<ReadAheadPiece>& piece : stream->pieces) {
    Release(std::move(piece));
  }
  stream->pieces.clear();
}

void ReadAheadPool::Release(std::shared_ptr<ReadAheadPiece> piece) {
  using State = ReadAheadPiece::State;
  if (piece->state_ == State::kQueued) {
    queue_.erase(std::find(queue_.begin(), queue_.end(), piece));
  }
  --pieces_;
  // A piece that is still being read keeps its memory until that has ended.
  if (piece->state_ != State::kReading && spare_.size() < kSpareMax) {
    spare_.push_back(std::move(piece->memory_));
  }
}

void ReadAheadPool::StartThreads() {
  while (threads_.size() < kThreads) threads_.emplace_back([this] { Run(); });
}

void ReadAheadPool::Run() {
  const int64_t idle_check_us =
      std::chrono::microseconds(idle_max_).count() / 2;
  MutexLock lock(&mutex_);
  while (!ending_) {
    if (!queue_.empty()) {
      const std::shared_ptr<ReadAheadPiece> piece = std::move(queue_.front());
      queue_.pop_front();
      ReadPiece(piece.get());
    } else if (pieces_ == 0 && spare_.empty()) {
      work_.Wait(&mutex_);
    } else if (!work_.WaitFor(&mutex_, idle_check_us)) {
      DropIdle(idle_max_);
    }
  }
}

void ReadAheadPool::ReadPiece(ReadAheadPiece* piece) {
  using State = ReadAheadPiece::State;
  piece->state_ = State::kReading;
  std::shared_ptr<rocksdb::FSRandomAccessFile> file = std::move(piece->file_);
  mutex_.Unlock();
  rocksdb::Slice read;
  // Direct I/O wants whole blocks, also where the file ends within one.
  const rocksdb::IOStatus status =
      file->Read(piece->offset_, AlignUp(piece->bytes_), rocksdb::IOOptions(),
                 &read, piece->memory_.get(), nullptr);
  const bool whole = status.ok() && read.size() >= piece->bytes_ &&
                     read.data() == piece->memory_.get();
  // Its last holder closes it, which may take long if it was removed.
  file.reset();
  mutex_.Lock();
  piece->state_ = whole ? State::kDone : State::kFailed;
  done_.SignalAll();
}

void ReadAheadPool::DropIdle(std::chrono::milliseconds idle_max) {
  const auto now = std::chrono::steady_clock::now();
  while (!streams_.empty() && now - streams_.front()->used > idle_max) {
    DropPieces(streams_.front().get());
    streams_.pop_front();
  }
  if (pieces_ == 0) spare_.clear();
}

size_t ReadAheadPool::pieces() const {
  MutexLock lock(&mutex_);
  return pieces_;
}

size_t ReadAheadPool::streams() const {
  MutexLock lock(&mutex_);
  return streams_.size();
}

}  // namespace kappa::storage
