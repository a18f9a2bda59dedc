// Damage at random places (FAULTS.md F14): whatever is hit, nothing wrong is
// served, nothing is silently gone, nothing is deleted for being damaged, and
// `kappad check` foretells what a start does.
//
//   KAPPA_DAMAGE_FIRST=N  begins with place N (a failure prints its number)
//   KAPPA_NIGHTLY=1       1,200 places instead of 50
//   KAPPA_DAMAGE_PLACES=N as many places, to do the 1,200 in pieces
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "storage/directory_check.h"
#include "storage/directory_view.h"
#include "tests/storage/damage_fixture.h"
#include "tests/storage/damage_kinds.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

constexpr uint64_t kNightlyPlaces = 1200;
constexpr uint64_t kShortPlaces = 50;

uint64_t NumberFrom(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

// How often each pair was tried, and what came of it.
struct Tally {
  std::map<std::string, uint64_t> pairs;
  uint64_t places = 0;
  uint64_t refused = 0;
  uint64_t partial = 0;
  uint64_t harmless = 0;
  uint64_t unseen = 0;  // without any effect, and not named by the check
};

class DamageRandomTest : public testing::Test {
 protected:
  DamageRandomTest() : path_(FreshDirectory("copy")) {}

  void TryPlace(uint64_t number, Tally* tally) {
    std::mt19937_64 random(number);
    const DamageTarget target =
        kDamageTargets[random() % kDamageTargets.size()];
    const DamageKind kind = kDamageKinds[random() % kDamageKinds.size()];
    CopyTree(TheWholeDirectory().path, path_);
    const std::string file = DamageFile(path_, target, random());
    if (!Damage(path_, file, kind, random())) return;
    SCOPED_TRACE(std::string(NameOf(kind)) + " of " + file +
                 "; again: KAPPA_DAMAGE_FIRST=" + std::to_string(number));
    ++tally->places;
    ++tally->pairs[std::string(NameOf(target)) + " " + NameOf(kind)];
    const std::map<std::string, std::string> before = TreeOf(path_);
    const std::optional<Severity> foretold = Foretell();
    EXPECT_TRUE(TreeOf(path_) == before) << "the check changed files";
    // Whether what comes back is right is checked in there.
    const Answers answers = Ask(path_);
    Judge(answers, foretold, before, tally);
  }

  std::optional<Severity> Foretell() {
    told_.clear();
    auto view = DirectoryView::Open(path_);
    if (!view.ok()) {
      // A FORMAT that names a newer format is refused by everything.
      EXPECT_TRUE(absl::IsFailedPrecondition(view.status())) << view.status();
      return Severity::kRefusal;
    }
    const CheckReport report = DirectoryCheck(view->get()).Run();
    for (const Finding& finding : report.findings) {
      told_ += std::string(NameOf(finding.severity)) + " " + finding.where +
               ": " + finding.what + "\n";
    }
    return report.worst();
  }

  void Judge(const Answers& answers, std::optional<Severity> foretold,
             const std::map<std::string, std::string>& before, Tally* tally) {
    SCOPED_TRACE(told_);
    if (!answers.opened.ok()) {
      ++tally->refused;
      // A FORMAT that names a newer format cannot be told from a newer one.
      EXPECT_TRUE(absl::IsDataLoss(answers.opened) ||
                  answers.opened.message().find("FORMAT") !=
                      absl::string_view::npos)
          << answers.opened;
      EXPECT_TRUE(TreeOf(path_) == before) << "a refusal changed files";
      EXPECT_EQ(foretold, Severity::kRefusal) << answers.opened;
      return;
    }
    ExpectSealedFilesKept(before);
    if (!answers.damaged.empty()) {
      ++tally->partial;
      EXPECT_EQ(foretold, Severity::kData);
      EXPECT_GT(answers.read, 0u);
      return;
    }
    ++(foretold.has_value() ? tally->harmless : tally->unseen);
    EXPECT_LE(foretold.value_or(Severity::kHarmless), Severity::kHarmless);
  }

  void ExpectSealedFilesKept(const std::map<std::string, std::string>& before) {
    const std::map<std::string, std::string> after = TreeOf(path_);
    for (const auto& [name, bytes] : before) {
      if (!name.starts_with("sealed/")) continue;
      const auto found = after.find(name);
      EXPECT_TRUE(found != after.end() && found->second == bytes) << name;
    }
  }

  const std::string path_;
  std::string told_;
};

TEST_F(DamageRandomTest, IsFoundNeverServed) {
  const bool nightly = std::getenv("KAPPA_NIGHTLY") != nullptr;
  const uint64_t first = NumberFrom("KAPPA_DAMAGE_FIRST");
  Tally tally;
  (void)TheWholeDirectory();
  const uint64_t wanted = NumberFrom("KAPPA_DAMAGE_PLACES");
  const uint64_t places =
      wanted > 0 ? wanted : (nightly ? kNightlyPlaces : kShortPlaces);
  uint64_t number = first;
  for (; tally.places < places && !HasFailure(); ++number) {
    TryPlace(number, &tally);
    if (nightly && tally.places % 100 == 0) {
      std::printf("%llu places, next: KAPPA_DAMAGE_FIRST=%llu\n",
                  static_cast<unsigned long long>(tally.places),
                  static_cast<unsigned long long>(number + 1));
      std::fflush(stdout);
    }
  }
  std::printf("next: KAPPA_DAMAGE_FIRST=%llu\n",
              static_cast<unsigned long long>(number));
  std::printf(
      "%llu places: %llu refused, %llu partial, %llu harmless and named, "
      "%llu without effect\n",
      static_cast<unsigned long long>(tally.places),
      static_cast<unsigned long long>(tally.refused),
      static_cast<unsigned long long>(tally.partial),
      static_cast<unsigned long long>(tally.harmless),
      static_cast<unsigned long long>(tally.unseen));
  for (const auto& [pair, count] : tally.pairs) {
    std::printf("  %-26s %llu\n", pair.c_str(),
                static_cast<unsigned long long>(count));
  }
  EXPECT_GT(tally.refused, 0u);
  EXPECT_GT(tally.partial, 0u);
  EXPECT_GT(tally.harmless, 0u);
  if (nightly) {
    EXPECT_GE(tally.pairs.size(), 45u);
  }
}

}  // namespace
}  // namespace kappa::storage
