#include "tests/storage/damage_kinds.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "tests/storage/damage_fixture.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = 4096;

bool HasRecords(const std::string& file) {
  return file.ends_with(".log") || file.find("MANIFEST-") != std::string::npos;
}

std::string Relative(const std::string& directory, const std::string& path) {
  return fs::relative(path, directory).generic_string();
}

bool WriteIfChanged(const std::string& path, const std::string& bytes) {
  if (ReadAll(path) == bytes) return false;
  WriteAll(path, bytes);
  return true;
}

// Of a log that is open, what is prepared for its next records holds nothing.
size_t ContentBytes(const std::string& path, const std::string& bytes) {
  if (!path.ends_with(".log")) return bytes.size();
  return bytes.find_last_not_of('\0') + 1;
}

bool Cut(const std::string& path, bool inside, uint64_t place) {
  const size_t bytes = fs::file_size(path);
  if (!HasRecords(path)) {
    if (!inside || bytes == 0) return false;
    CutAt(path, place % bytes);
    return true;
  }
  const std::vector<size_t> records = WalRecords(path);
  if (records.empty()) return false;
  const size_t at = place % records.size();
  if (!inside) {
    CutAt(path, records[at]);
    return true;
  }
  const size_t end = at + 1 < records.size() ? records[at + 1] : bytes;
  CutAt(path, records[at] + 1 + place % (end - records[at] - 1));
  return true;
}

bool Overwrite(const std::string& path, uint64_t place,
               const std::string& block_source) {
  std::string bytes = ReadAll(path);
  if (bytes.empty()) return false;
  const size_t blocks = (bytes.size() + kBlockBytes - 1) / kBlockBytes;
  const size_t at = place % blocks * kBlockBytes;
  const size_t length = std::min(kBlockBytes, bytes.size() - at);
  std::string block =
      at < block_source.size() ? block_source.substr(at, length) : "";
  block.resize(length, '\0');
  bytes.replace(at, length, block);
  return WriteIfChanged(path, bytes);
}

}  // namespace

const char* NameOf(DamageKind kind) {
  constexpr const char* kNames[] = {"BitFlip",   "CutInside", "CutOnBoundary",
                                    "ZeroRange", "Delete",    "OldBlock"};
  return kNames[static_cast<size_t>(kind)];
}

const char* NameOf(DamageTarget target) {
  constexpr const char* kNames[] = {
      "ActiveWal", "ClosedWal", "ActiveSst", "SealedSst", "DirectorySst",
      "Manifest",  "Current",   "Options",   "Watermark", "Format"};
  return kNames[static_cast<size_t>(target)];
}

std::string DamageFile(const std::string& directory, DamageTarget target,
                       uint64_t pick) {
  const auto choose = [pick](const std::vector<std::string>& files) {
    return files.at(pick % files.size());
  };
  switch (target) {
    case DamageTarget::kActiveWal:
      return Relative(directory, ActiveWalOf(directory));
    case DamageTarget::kClosedWal:
      return Relative(directory, WalsOf(directory).front());
    case DamageTarget::kActiveSst:
      return choose(SstFilesOf(directory, TheWholeDirectory().active_family));
    case DamageTarget::kSealedSst:
      return choose(SealedFilesOf(directory));
    case DamageTarget::kDirectorySst:
      return choose(SstFilesOf(directory, "meta"));
    case DamageTarget::kManifest:
      return Relative(directory, ManifestOf(directory));
    case DamageTarget::kCurrent:
      return "db/CURRENT";
    case DamageTarget::kOptions:
      return Relative(directory, OptionsFileOf(directory));
    case DamageTarget::kWatermark:
      return "watermark";
    default:
      return "FORMAT";
  }
}

bool Damage(const std::string& directory, const std::string& file,
            DamageKind kind, uint64_t place) {
  const std::string path = directory + "/" + file;
  const std::string old = TheWholeDirectory().old_path + "/" + file;
  switch (kind) {
    case DamageKind::kBitFlip: {
      std::string bytes = ReadAll(path);
      char& byte = bytes[place / 8 % ContentBytes(path, bytes)];
      byte = static_cast<char>(byte ^ (1 << place % 8));
      return WriteIfChanged(path, bytes);
    }
    case DamageKind::kCutInside:
      return Cut(path, /*inside=*/true, place);
    case DamageKind::kCutOnBoundary:
      return Cut(path, /*inside=*/false, place);
    case DamageKind::kZeroRange:
      return Overwrite(path, place, "");
    case DamageKind::kDelete:
      return fs::remove(path);
    default:
      return fs::exists(old) && Overwrite(path, place, ReadAll(old));
  }
}

}  // namespace kappa::storage
