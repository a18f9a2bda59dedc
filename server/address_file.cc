#include "server/address_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa::server {

absl::StatusOr<std::unique_ptr<AddressFile>> AddressFile::Write(
    std::string path, const ListenAddress& address) {
  const std::string draft = path + ".new";
  errno = 0;
  std::ofstream file(draft, std::ios::trunc);
  file << address.ToString() << "\n";
  file.close();
  if (!file || std::rename(draft.c_str(), path.c_str()) != 0) {
    return absl::InternalError(
        absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  return std::unique_ptr<AddressFile>(new AddressFile(std::move(path)));
}

AddressFile::AddressFile(std::string path) : path_(std::move(path)) {}

AddressFile::~AddressFile() { std::remove(path_.c_str()); }

}  // namespace kappa::server
