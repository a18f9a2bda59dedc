// Every kind of damage to every sort of file (FAULTS.md F14, F17): found at
// open or on read, never served, never repaired by deletion, with the outcome
// that RELIABILITY.md S2 to S4 state for a node without other voters; and
// `kappad check` foretells it.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/directory_check.h"
#include "storage/directory_view.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/damage_fixture.h"
#include "tests/storage/damage_kinds.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

enum class Outcome {
  kOpens,    // every entry is answered
  kPartial,  // it opens; the damaged entries alone are answered with DATA_LOSS
  kRefused,  // DATA_LOSS at open: exit 4
};

struct MatrixCase {
  DamageTarget target;
  DamageKind kind;
  uint64_t place;  // as Damage takes it
  Outcome expected;
};

void PrintTo(const MatrixCase& at, std::ostream* out) {
  *out << NameOf(at.target) << NameOf(at.kind) << at.place;
}

class DamageMatrixTest : public testing::TestWithParam<MatrixCase> {
 protected:
  DamageMatrixTest() : path_(FreshDirectory("copy")) {
    CopyTree(TheWholeDirectory().path, path_);
  }

  // What a check says: the worst it found.
  std::optional<Severity> Foretold() {
    const std::map<std::string, std::string> before = TreeOf(path_);
    auto view = DirectoryView::Open(path_);
    EXPECT_TRUE(view.ok()) << view.status();
    if (!view.ok()) return std::nullopt;
    const CheckReport report = DirectoryCheck(view->get()).Run();
    EXPECT_TRUE(TreeOf(path_) == before) << "the check changed files";
    for (const Finding& finding : report.findings) {
      told_ += std::string(NameOf(finding.severity)) + " " + finding.where +
               ": " + finding.what + "\n";
    }
    return report.worst();
  }

  const std::string path_;
  std::string told_;
};

TEST_P(DamageMatrixTest, HasItsOutcome) {
  const MatrixCase& at = GetParam();
  const std::string file = DamageFile(path_, at.target);
  ASSERT_TRUE(Damage(path_, file, at.kind, at.place)) << file;
  const std::map<std::string, std::string> before = TreeOf(path_);
  const std::optional<Severity> foretold = Foretold();
  const Answers answers = Ask(path_);
  SCOPED_TRACE(file + "\n" + told_);
  switch (at.expected) {
    case Outcome::kOpens:
      EXPECT_TRUE(answers.opened.ok()) << answers.opened;
      EXPECT_TRUE(answers.damaged.empty());
      // RocksDB keeps the OPTIONS file before the last one, which says the
      // same.
      if (at.target == DamageTarget::kOptions &&
          at.kind == DamageKind::kDelete) {
        break;
      }
      EXPECT_EQ(foretold, Severity::kHarmless);
      EXPECT_THAT(told_, HasSubstr(file));
      break;
    case Outcome::kPartial:
      EXPECT_TRUE(answers.opened.ok()) << answers.opened;
      EXPECT_FALSE(answers.damaged.empty());
      // A replica without damage is answered altogether.
      EXPECT_LT(answers.damaged.size(), 3u);
      EXPECT_GT(answers.read, 0u);
      EXPECT_EQ(foretold, Severity::kData);
      EXPECT_THAT(told_, HasSubstr(file));
      EXPECT_TRUE(ReadAll(path_ + "/" + file) == before.at(file) ||
                  at.kind == DamageKind::kDelete)
          << "the damaged file was changed";
      break;
    case Outcome::kRefused:
      EXPECT_TRUE(absl::IsDataLoss(answers.opened)) << answers.opened;
      EXPECT_THAT(std::string(answers.opened.message()), HasSubstr(path_));
      EXPECT_TRUE(TreeOf(path_) == before) << "files were changed";
      EXPECT_EQ(foretold, Severity::kRefusal);
      break;
  }
}

constexpr uint64_t kMiddle = 4'000'000'000;  // some place that is not the first

INSTANTIATE_TEST_SUITE_P(
    Files, DamageMatrixTest,
    testing::Values(
        MatrixCase{DamageTarget::kActiveWal, DamageKind::kBitFlip, kMiddle,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kActiveWal, DamageKind::kCutInside, 3,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kActiveWal, DamageKind::kCutOnBoundary, 3,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kActiveWal, DamageKind::kZeroRange, 2,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kActiveWal, DamageKind::kDelete, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kClosedWal, DamageKind::kBitFlip, kMiddle,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kClosedWal, DamageKind::kCutInside, 3,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kClosedWal, DamageKind::kCutOnBoundary, 3,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kClosedWal, DamageKind::kZeroRange, 2,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kClosedWal, DamageKind::kDelete, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kActiveSst, DamageKind::kBitFlip, 80'000,
                   Outcome::kPartial},
        MatrixCase{DamageTarget::kActiveSst, DamageKind::kCutInside, 50'000,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kActiveSst, DamageKind::kZeroRange, 2,
                   Outcome::kPartial},
        MatrixCase{DamageTarget::kActiveSst, DamageKind::kDelete, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kSealedSst, DamageKind::kBitFlip, 80'000,
                   Outcome::kPartial},
        MatrixCase{DamageTarget::kSealedSst, DamageKind::kZeroRange, 2,
                   Outcome::kPartial},
        MatrixCase{DamageTarget::kDirectorySst, DamageKind::kBitFlip, 80,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kDirectorySst, DamageKind::kCutInside, 100,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kDirectorySst, DamageKind::kZeroRange, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kDirectorySst, DamageKind::kDelete, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kManifest, DamageKind::kBitFlip, 2000,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kManifest, DamageKind::kCutInside, 2,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kManifest, DamageKind::kCutOnBoundary, 2,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kManifest, DamageKind::kZeroRange, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kManifest, DamageKind::kDelete, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kCurrent, DamageKind::kBitFlip, 20,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kCurrent, DamageKind::kCutInside, 5,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kCurrent, DamageKind::kZeroRange, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kCurrent, DamageKind::kDelete, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kOptions, DamageKind::kBitFlip, 12'000,
                   Outcome::kOpens},
        MatrixCase{DamageTarget::kOptions, DamageKind::kCutInside, 900,
                   Outcome::kOpens},
        MatrixCase{DamageTarget::kOptions, DamageKind::kZeroRange, 0,
                   Outcome::kOpens},
        MatrixCase{DamageTarget::kOptions, DamageKind::kDelete, 0,
                   Outcome::kOpens},
        MatrixCase{DamageTarget::kWatermark, DamageKind::kBitFlip, 200,
                   Outcome::kOpens},
        MatrixCase{DamageTarget::kWatermark, DamageKind::kCutInside, 4100,
                   Outcome::kOpens},
        MatrixCase{DamageTarget::kWatermark, DamageKind::kCutInside, 50,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kWatermark, DamageKind::kZeroRange, 0,
                   Outcome::kOpens},
        MatrixCase{DamageTarget::kWatermark, DamageKind::kZeroRange, 1,
                   Outcome::kOpens},
        MatrixCase{DamageTarget::kWatermark, DamageKind::kDelete, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kFormat, DamageKind::kBitFlip, 20,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kFormat, DamageKind::kCutInside, 10,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kFormat, DamageKind::kZeroRange, 0,
                   Outcome::kRefused},
        MatrixCase{DamageTarget::kFormat, DamageKind::kDelete, 0,
                   Outcome::kRefused}),
    [](const testing::TestParamInfo<MatrixCase>& info) {
      return std::string(NameOf(info.param.target)) + NameOf(info.param.kind) +
             "At" + std::to_string(info.param.place);
    });

}  // namespace
}  // namespace kappa::storage
