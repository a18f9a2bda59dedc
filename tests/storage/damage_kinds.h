// The kinds of damage of FAULTS.md, done to files of a data directory.
#ifndef KAPPA_TESTS_STORAGE_DAMAGE_KINDS_H_
#define KAPPA_TESTS_STORAGE_DAMAGE_KINDS_H_

#include <array>
#include <cstdint>
#include <string>

namespace kappa::storage {

enum class DamageKind : uint8_t {
  kBitFlip,
  kCutInside,      // inside a record, where the file has records
  kCutOnBoundary,  // between two records; not of files without records
  kZeroRange,      // 4 KiB, aligned
  kDelete,
  kOldBlock,  // 4 KiB of an earlier image put back
};
inline constexpr std::array kDamageKinds = {
    DamageKind::kBitFlip,   DamageKind::kCutInside, DamageKind::kCutOnBoundary,
    DamageKind::kZeroRange, DamageKind::kDelete,    DamageKind::kOldBlock};

enum class DamageTarget : uint8_t {
  kActiveWal,
  kClosedWal,
  kActiveSst,     // of the active segment
  kSealedSst,     // of a sealed segment
  kDirectorySst,  // of the family that holds the segment directory
  kManifest,
  kCurrent,
  kOptions,
  kWatermark,
  kFormat,
};
inline constexpr std::array kDamageTargets = {
    DamageTarget::kActiveWal,    DamageTarget::kClosedWal,
    DamageTarget::kActiveSst,    DamageTarget::kSealedSst,
    DamageTarget::kDirectorySst, DamageTarget::kManifest,
    DamageTarget::kCurrent,      DamageTarget::kOptions,
    DamageTarget::kWatermark,    DamageTarget::kFormat};

const char* NameOf(DamageKind kind);
const char* NameOf(DamageTarget target);

// A file of that sort in a copy of TheWholeDirectory(), relative to it; `pick`
// chooses among several.
std::string DamageFile(const std::string& directory, DamageTarget target,
                       uint64_t pick = 0);

// Damages the file at a place that `place` chooses. False when this kind of
// damage would change nothing there (then nothing was done).
bool Damage(const std::string& directory, const std::string& file,
            DamageKind kind, uint64_t place);

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_DAMAGE_KINDS_H_
