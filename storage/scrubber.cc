#include "storage/scrubber.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/wire/check.h"
#include "storage/range_recheck.h"

namespace kappa::storage {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;
// Between two looks at whether the next pass is due.
constexpr int64_t kIdleUs = 60 * kUsPerSecond;
// Between two tries at what cannot be read now.
constexpr int64_t kTroubleUs = kUsPerSecond;
constexpr int64_t kRecheckLeftEveryUs = 60 * kUsPerSecond;
// What a crash makes the scrub read again, at most.
constexpr int64_t kSaveEveryUs = 10 * kUsPerSecond;

}  // namespace

Scrubber::Scrubber(ScrubberOptions options, const LogStore* store)
    : options_(std::move(options)),
      store_(store),
      pass_(store,
            options_.state_path.empty() ? ScrubState()
                                        : LoadScrubState(options_.state_path),
            [this](const ScrubRange& range) {
              // From now on it is not served.
              options_.known_damage->Add(range);
              found_.push_back(range);
            }),
      state_file_(options_.state_path, options_.on_fatal),
      state_(pass_.state()) {
  KAPPA_CHECK(options_.clock != nullptr && options_.on_damage &&
                  options_.known_damage != nullptr,
              "a scrub needs a clock, and somebody to tell of damage");
  thread_ = std::thread([this] { Loop(); });
}

Scrubber::~Scrubber() { Stop(); }

void Scrubber::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.SignalAll();
  if (thread_.joinable()) thread_.join();
}

uint64_t Scrubber::StartNow() {
  MutexLock lock(&mutex_);
  hurry_ = true;
  const uint64_t pass = state_.running ? state_.pass : state_.pass + 1;
  if (!state_.running) start_wanted_ = true;
  wake_.SignalAll();
  return pass;
}

ScrubState Scrubber::state() const {
  MutexLock lock(&mutex_);
  return state_;
}

uint64_t Scrubber::bytes_per_second() const {
  MutexLock lock(&mutex_);
  if (!state_.running) return 0;
  return hurry_ ? options_.bytes_per_second_max : pace_;
}

uint64_t Scrubber::PaceNow() const {
  const uint64_t bytes = options_.stored_bytes ? options_.stored_bytes() : 0;
  const auto seconds = static_cast<uint64_t>(
      std::max<int64_t>(1, options_.period_us / kUsPerSecond));
  // Twice as fast as needed: the store grows, and processes end.
  return std::clamp(2 * bytes / seconds, options_.bytes_per_second_min,
                    options_.bytes_per_second_max);
}

bool Scrubber::WaitUs(int64_t us) {
  MutexLock lock(&mutex_);
  if (!stopping_ && !start_wanted_ && us > 0) wake_.WaitFor(&mutex_, us);
  return !stopping_;
}

bool Scrubber::PauseUs(int64_t us) {
  MutexLock lock(&mutex_);
  if (!stopping_ && us > 0) wake_.WaitFor(&mutex_, us);
  return !stopping_;
}

int64_t Scrubber::RestUs(uint64_t bytes, uint64_t pace,
                         int64_t begun_us) const {
  const int64_t took_us = options_.clock->MonotonicUs() - begun_us;
  return static_cast<int64_t>(bytes * kUsPerSecond / pace) - took_us;
}

bool Scrubber::KeepKnown() {
  const absl::Status kept = options_.known_damage->Save();
  const bool told = std::exchange(keep_failed_, !kept.ok());
  if (!kept.ok() && !told && options_.on_trouble) options_.on_trouble(kept);
  return kept.ok();
}

void Scrubber::TellFound() {
  if (found_.empty()) return;
  KeepKnown();
  for (const ScrubRange& range : found_) {
    options_.on_damage(range);
    if (options_.on_confirmed) options_.on_confirmed(range);
  }
  found_.clear();
}

Scrubber::Rechecked Scrubber::Recheck(const ScrubRange& range) {
  RangeRecheck recheck(store_, range);
  while (PauseUs(0)) {
    const int64_t begun_us = options_.clock->MonotonicUs();
    const absl::StatusOr<RangeRecheck::Step> step = recheck.ReadPiece();
    if (!step.ok()) {
      TellTrouble(step.status());
      return Rechecked::kUnreadable;
    }
    const bool known = step->damaged.has_value();
    if (known && !*step->damaged) {
      // Put back by somebody, or gone with its replica.
      // Repairs may have made another range of it meanwhile.
      options_.known_damage->Remove(range.replica, range.first, range.last);
      if (options_.on_whole) options_.on_whole(range);
    } else if (known && options_.on_confirmed) {
      options_.on_confirmed(range);
    }
    Save(pass_.state(), /*now=*/false);
    PauseUs(RestUs(step->bytes, options_.bytes_per_second_max, begun_us));
    if (known) return Rechecked::kKnown;
  }
  return Rechecked::kStopped;
}

bool Scrubber::RecheckAll() {
  std::vector<ScrubRange> unreadable;
  for (const ScrubRange& range : unchecked_) {
    const Rechecked known = Recheck(range);
    if (known == Rechecked::kStopped) return false;
    if (known == Rechecked::kUnreadable) unreadable.push_back(range);
  }
  // What is readable again may also have ended an earlier trouble.
  if (unreadable.empty()) in_trouble_ = false;
  unchecked_ = std::move(unreadable);
  rechecked_us_ = options_.clock->MonotonicUs();
  KeepKnown();
  return true;
}

bool Scrubber::RecheckKnownDamage() {
  unchecked_ = options_.known_damage->All();
  for (const ScrubRange& range : unchecked_) options_.on_damage(range);
  if (!RecheckAll()) return false;
  // Most of what cannot be read now can be soon; the rest must not hold up the
  // passes.
  return unchecked_.empty() || (PauseUs(kTroubleUs) && RecheckAll());
}

bool Scrubber::RecheckLeft() {
  const int64_t waited_us = options_.clock->MonotonicUs() - rechecked_us_;
  return unchecked_.empty() || waited_us < kRecheckLeftEveryUs || RecheckAll();
}

void Scrubber::Loop() {
  if (RecheckKnownDamage()) {
    while (RecheckLeft() && Work()) {
    }
  }
  Save(pass_.state(), /*now=*/true);
}

bool Scrubber::Work() {
  const int64_t now_us = options_.clock->NowUs();
  bool wanted = false;
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    wanted = std::exchange(start_wanted_, false);
  }
  pass_.BegunBy(now_us);
  if (!pass_.state().running) {
    const int64_t due_us = pass_.state().begin_time_us + options_.period_us;
    if (!wanted && now_us < due_us) {
      KeepKnown();
      return WaitUs(std::min(kIdleUs, due_us - now_us));
    }
    pass_.Begin(now_us);
  }
  const int64_t begun_us = options_.clock->MonotonicUs();
  const std::optional<uint64_t> bytes = pass_.Step(now_us);
  TellFound();
  uint64_t pace = 0;
  {
    MutexLock lock(&mutex_);
    state_ = pass_.state();
    if (pace_ == 0 || !bytes.has_value()) pace_ = PaceNow();
    if (!bytes.has_value()) hurry_ = false;
    pace = hurry_ ? options_.bytes_per_second_max : pace_;
  }
  Save(pass_.state(), /*now=*/!bytes.has_value());
  if (!bytes.has_value()) {
    if (options_.on_pass) options_.on_pass(pass_.state());
    return true;
  }
  if (!pass_.trouble().ok()) return WaitInTrouble(pass_.trouble());
  in_trouble_ = false;
  return WaitUs(RestUs(*bytes, pace, begun_us));
}

void Scrubber::TellTrouble(const absl::Status& trouble) {
  const bool told = std::exchange(in_trouble_, true);
  if (!told && options_.on_trouble) options_.on_trouble(trouble);
}

bool Scrubber::WaitInTrouble(const absl::Status& trouble) {
  TellTrouble(trouble);
  return PauseUs(kTroubleUs);
}

void Scrubber::Save(const ScrubState& state, bool now) {
  const int64_t at_us = options_.clock->MonotonicUs();
  if (options_.state_path.empty() ||
      (!now && at_us - saved_us_ < kSaveEveryUs)) {
    return;
  }
  saved_us_ = at_us;
  // The state says what was read: not before what was found is kept.
  if (!KeepKnown()) return;
  // Without room for it no more is lost than the way to go on from here.
  (void)state_file_.Replace(EncodeScrubState(state));
}

}  // namespace kappa::storage
