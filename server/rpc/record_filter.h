// RecordFilter: which records a reader wants, ready to be asked per record.
#ifndef KAPPA_SERVER_RPC_RECORD_FILTER_H_
#define KAPPA_SERVER_RPC_RECORD_FILTER_H_

#include <optional>
#include <string>

#include "kappa/v1/log_service.pb.h"
#include "proto/wire/record_set.h"

namespace kappa::server {

// Immutable.
class RecordFilter {
 public:
  explicit RecordFilter(const v1::RecordFilter& filter);

  // True when every condition holds.
  bool Matches(const RecordView& record) const;

 private:
  std::optional<std::string> key_;
  std::optional<std::string> key_prefix_;
  std::optional<v1::Header> header_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_RECORD_FILTER_H_
