// AddressFile: tells other programs where a server that chose its port listens.
#ifndef KAPPA_SERVER_ADDRESS_FILE_H_
#define KAPPA_SERVER_ADDRESS_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/listen_address.h"

namespace kappa::server {

// Exists while the server serves; removed in the destructor. After a crash it
// stays, and names an address where nobody listens.
//
// Thread safety: thread-compatible.
class AddressFile {
 public:
  // Writes "HOST:PORT\n" to `path` by rename, so that no reader sees a part.
  // Errors: INTERNAL naming the path and the system's reason.
  static absl::StatusOr<std::unique_ptr<AddressFile>> Write(
      std::string path, const ListenAddress& address);
  ~AddressFile();
  AddressFile(const AddressFile&) = delete;
  AddressFile& operator=(const AddressFile&) = delete;

 private:
  explicit AddressFile(std::string path);

  const std::string path_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_ADDRESS_FILE_H_
