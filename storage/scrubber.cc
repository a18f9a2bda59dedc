#include "storage/scrubber.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::storage {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;
// Between two looks at whether the next pass is due.
constexpr int64_t kIdleUs = 60 * kUsPerSecond;
// Between two tries at what cannot be read now.
constexpr int64_t kTroubleUs = kUsPerSecond;
// What a crash makes the scrub read again, at most.
constexpr int64_t kSaveEveryUs = 10 * kUsPerSecond;

}  // namespace

Scrubber::Scrubber(ScrubberOptions options, const LogStore* store)
    : options_(std::move(options)),
      pass_(store,
            options_.state_path.empty() ? ScrubState()
                                        : LoadScrubState(options_.state_path),
            [this](const ScrubRange& range) { OnDamage(range); }),
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

void Scrubber::OnDamage(const ScrubRange& range) {
  const absl::Status kept = options_.known_damage->Add(range);
  if (!kept.ok() && options_.on_trouble) options_.on_trouble(kept);
  options_.on_damage(range);
}

void Scrubber::RecheckKnownDamage() {
  for (const ScrubRange& range : options_.known_damage->All()) {
    const absl::StatusOr<bool> damaged = pass_.IsDamaged(range);
    if (damaged.ok() && !*damaged) {
      // Put back by somebody, or gone with its replica. Not written now: it is
      // checked again after the next start.
      (void)options_.known_damage->Remove(range);
    } else {
      options_.on_damage(range);
    }
  }
}

void Scrubber::Loop() {
  RecheckKnownDamage();
  while (Work()) {
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
      return WaitUs(std::min(kIdleUs, due_us - now_us));
    }
    pass_.Begin(now_us);
  }
  const int64_t begun_us = options_.clock->MonotonicUs();
  const std::optional<uint64_t> bytes = pass_.Step(now_us);
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
  if (!pass_.trouble().ok()) return WaitInTrouble();
  in_trouble_ = false;
  const int64_t took_us = options_.clock->MonotonicUs() - begun_us;
  return WaitUs(static_cast<int64_t>(*bytes * kUsPerSecond / pace) - took_us);
}

bool Scrubber::WaitInTrouble() {
  if (!in_trouble_ && options_.on_trouble) options_.on_trouble(pass_.trouble());
  in_trouble_ = true;
  return WaitUs(kTroubleUs);
}

void Scrubber::Save(const ScrubState& state, bool now) {
  const int64_t at_us = options_.clock->MonotonicUs();
  if (options_.state_path.empty() ||
      (!now && at_us - saved_us_ < kSaveEveryUs)) {
    return;
  }
  saved_us_ = at_us;
  // The state says what was read: not before what was found is kept.
  if (!options_.known_damage->Save().ok()) return;
  // A state that cannot be written costs no more than reading again.
  (void)SaveScrubState(options_.state_path, state);
}

}  // namespace kappa::storage
