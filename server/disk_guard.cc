#include "server/disk_guard.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/logging.h"

namespace kappa::server {
namespace {

constexpr int64_t kPeriodUs = 100'000;

const char* NameOf(DiskLevel level) {
  switch (level) {
    case DiskLevel::kAmple:
      return "ample";
    case DiskLevel::kLow:
      return "low";
    case DiskLevel::kCritical:
      return "critical";
  }
  return "?";
}

}  // namespace

absl::StatusOr<FileSystemSpace> ProbeSpace(const std::string& path) {
  struct statvfs space {};
  if (statvfs(path.c_str(), &space) != 0) {
    return absl::UnavailableError(
        absl::StrCat("statvfs ", path, ": errno ", errno));
  }
  return FileSystemSpace{
      .size_bytes = uint64_t{space.f_blocks} * space.f_frsize,
      .free_bytes = uint64_t{space.f_bavail} * space.f_frsize};
}

DiskGuard::DiskGuard(DiskGuardOptions options)
    : options_(std::move(options)), ballast_(options_.data_dir) {}

absl::StatusOr<std::unique_ptr<DiskGuard>> DiskGuard::Start(
    DiskGuardOptions options) {
  if (!options.probe) {
    options.probe = [path = options.data_dir] { return ProbeSpace(path); };
  }
  const absl::StatusOr<FileSystemSpace> space = options.probe();
  if (!space.ok()) return space.status();
  std::unique_ptr<DiskGuard> guard(new DiskGuard(std::move(options)));
  guard->limits_ =
      ResolveDiskLimits(guard->options_.settings, guard->options_.reserve_bytes,
                        space->size_bytes);
  guard->state_->low_bytes_ = guard->limits_.low_bytes;
  guard->state_->critical_bytes_ = guard->limits_.critical_bytes;
  LogInfo("disk limits",
          {{"low_bytes", absl::StrCat(guard->limits_.low_bytes)},
           {"critical_bytes", absl::StrCat(guard->limits_.critical_bytes)},
           {"ballast_bytes", absl::StrCat(guard->limits_.ballast_bytes)},
           {"free_bytes", absl::StrCat(space->free_bytes)}});
  return guard;
}

DiskGuard::~DiskGuard() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  stop_.SignalAll();
  if (thread_.joinable()) thread_.join();
}

void DiskGuard::Watch(std::function<void(DiskLevel)> on_level) {
  on_level_ = std::move(on_level);
  if (on_level_) on_level_(state_->level());
  thread_ = std::thread([this] { Loop(); });
}

void DiskGuard::Loop() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (!stopping_) stop_.WaitFor(&mutex_, kPeriodUs);
      if (stopping_) return;
    }
    Check();
  }
}

uint64_t DiskGuard::Spare(uint64_t free_bytes) const {
  const uint64_t held = ballast_.bytes();
  const uint64_t lacks =
      held < limits_.ballast_bytes ? limits_.ballast_bytes - held : 0;
  return free_bytes > lacks ? free_bytes - lacks : 0;
}

DiskLevel DiskGuard::LevelOf(uint64_t spare) const {
  const DiskLevel now = state_->level();
  const auto leave = [](uint64_t threshold) {
    return threshold + threshold / 8;
  };
  const uint64_t critical = now == DiskLevel::kCritical
                                ? leave(limits_.critical_bytes)
                                : limits_.critical_bytes;
  const uint64_t low =
      now != DiskLevel::kAmple ? leave(limits_.low_bytes) : limits_.low_bytes;
  if (spare < critical) return DiskLevel::kCritical;
  return spare < low ? DiskLevel::kLow : DiskLevel::kAmple;
}

void DiskGuard::Check() { Look(/*may_rebuild=*/true); }

void DiskGuard::Look(bool may_rebuild) {
  const absl::StatusOr<FileSystemSpace> space = options_.probe();
  if (!space.ok()) return;
  const uint64_t spare = Spare(space->free_bytes);
  state_->free_bytes_ = spare;
  const DiskLevel level = LevelOf(spare);
  if (level == DiskLevel::kCritical) {
    if (ballast_.bytes() > 0) {
      const absl::Status released = ballast_.Release();
      LogWarning("disk space is critical: the ballast is released",
                 {{"free_bytes", absl::StrCat(space->free_bytes)},
                  {"status", released.ToString()}});
    }
  } else if (level == DiskLevel::kAmple && may_rebuild) {
    RebuildBallast(space->free_bytes);
  }
  state_->ballast_bytes_ = ballast_.bytes();
  SetLevel(level);
}

void DiskGuard::RebuildBallast(uint64_t free_bytes) {
  const uint64_t before = ballast_.bytes();
  if (before >= limits_.ballast_bytes) return;
  const absl::Status resized = ballast_.Resize(limits_.ballast_bytes);
  if (resized.ok()) {
    rebuild_failed_ = false;
    LogInfo("the ballast is there", {{"bytes", absl::StrCat(ballast_.bytes())},
                                     {"before", absl::StrCat(before)},
                                     {"free_bytes", absl::StrCat(free_bytes)}});
  } else if (!std::exchange(rebuild_failed_, true)) {
    LogWarning("the ballast cannot be made",
               {{"bytes", absl::StrCat(limits_.ballast_bytes)},
                {"error", resized.ToString()}});
  }
}

void DiskGuard::SetLevel(DiskLevel level) {
  const DiskLevel before = state_->level();
  if (level == before) return;
  state_->low_ = level != DiskLevel::kAmple;
  state_->level_ = level;
  const LogFields fields = {
      {"level", NameOf(level)},
      {"before", NameOf(before)},
      {"free_bytes", absl::StrCat(state_->free_bytes())},
      {"low_bytes", absl::StrCat(limits_.low_bytes)},
      {"critical_bytes", absl::StrCat(limits_.critical_bytes)}};
  if (level == DiskLevel::kAmple) {
    LogInfo("disk space is back: appends are accepted", fields);
  } else if (level > before) {
    LogWarning("disk space is short: appends are refused", fields);
  } else {
    LogInfo("disk space comes back", fields);
  }
  if (on_level_) on_level_(level);
}

}  // namespace kappa::server
